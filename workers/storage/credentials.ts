// Whose requests to S3 are: a key pair from the URL, or that of a role, which the instance metadata service hands out for
// some hours (EC2: "Retrieve security credentials from instance metadata"; IMDSv2 with its token, IMDSv1 where the service
// knows no tokens).
//
// Rules: renewed in the background minutes before they end, one request at a time; while the service is away the old ones
// serve until their end. Nothing secret reaches a message.

import { messageOf, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { pause } from './driver.ts'
import type { FsWorld } from './driver.ts'
import { HttpClient } from './http.ts'
import type { Answer } from './http.ts'
import { backoffMs } from './retry.ts'
import type { Credentials } from './sigv4.ts'

export interface CredentialSource {
  /** Current ones. TempFail where none can be had. */
  current(): Promise<Credentials>
  /** The store has called `used` expired or unknown: answers whether others may be had. */
  refused(used: Credentials): boolean
  close(): void
}

/** The pair that stands in the URL. */
export const fixedCredentials = (credentials: Credentials): CredentialSource =>
  ({ current: () => Promise.resolve(credentials), refused: () => false, close: () => {} })

/** Renewed this long before their end, or after half of a shorter life (ms). */
const aheadMs = 5 * 60_000
const tokenSeconds = 21_600

interface Lease { credentials: Credentials; renewAt: number; endsAt: number }

export class RoleCredentials implements CredentialSource {
  readonly #role: string
  readonly #host: { hostname: string; port: number | undefined }
  readonly #world: FsWorld
  readonly #http: HttpClient
  readonly #closed = new AbortController()
  #lease: Lease | undefined
  #renewing: Promise<Lease> | undefined
  #token: { value: string; endsAt: number } | undefined

  constructor(role: string, host: { hostname: string; port: number | undefined }, world: FsWorld) {
    this.#role = role
    this.#host = host
    this.#world = world
    const { timers, tls, auth } = world
    this.#http = HttpClient.open({ protocol: 'http:', ...host, connectTimeoutMs: auth.timeoutMs, tls }, timers, () => 1)
  }

  async current(): Promise<Credentials> {
    const now = this.#world.clock.now()
    const lease = this.#lease
    if (lease && now < lease.endsAt) {
      if (now >= lease.renewAt && !this.#renewing) {
        // Not asked again at every request while the service is away.
        lease.renewAt = now + Math.min(30_000, (lease.endsAt - now) / 2)
        this.#renew().catch((error: unknown) => {
          this.#world.emit({ level: 'warning', name: 'storage.credentials', text: `credentials of the role ${this.#role} could not be renewed yet: ${messageOf(error)}` })
        })
      }
      return lease.credentials
    }
    return (await this.#renew()).credentials
  }

  refused(used: Credentials): boolean {
    if (this.#lease?.credentials === used) this.#lease = undefined
    return true
  }

  close(): void {
    this.#closed.abort()
    this.#http.close()
  }

  #renew(): Promise<Lease> {
    this.#renewing ??= this.#fetch().finally(() => { this.#renewing = undefined })
    return this.#renewing
  }

  async #fetch(): Promise<Lease> {
    const { retries } = this.#world.auth
    for (let attempt = 1; ; attempt++) {
      try {
        return this.#lease = this.#leaseOf(await this.#ask(`/latest/meta-data/iam/security-credentials/${encodeURIComponent(this.#role)}`))
      } catch (error) {
        if (attempt > retries) throw error instanceof TempFail ? error : new TempFail(`credentials of the role ${this.#role}: ${messageOf(error)}`)
        await pause(this.#world.timers, backoffMs(attempt, this.#world.random, undefined), this.#closed.signal)
      }
    }
  }

  async #ask(path: string): Promise<string> {
    const token = await this.#session()
    const answer = await this.#send('GET', path, token === '' ? {} : { 'x-aws-ec2-metadata-token': token })
    const text = await answer.text(limits.httpErrorBytes)
    if (answer.status === 401) this.#token = undefined
    if (answer.status !== 200) throw new TempFail(`the metadata service knows no credentials of the role ${this.#role}: HTTP ${answer.status}`)
    return text
  }

  /** A token of IMDSv2; '' where the service is an older one. */
  async #session(): Promise<string> {
    const now = this.#world.clock.now()
    if (this.#token && now < this.#token.endsAt) return this.#token.value
    const answer = await this.#send('PUT', '/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': String(tokenSeconds), 'content-length': '0' })
    const value = (await answer.text(limits.httpErrorBytes)).trim()
    if (answer.status >= 500) throw new TempFail(`the metadata service gives no token: HTTP ${answer.status}`)
    this.#token = answer.status === 200 && /^[\x21-\x7e]+$/.test(value)
      ? { value, endsAt: now + (tokenSeconds - 60) * 1000 }
      : { value: '', endsAt: now + 60_000 }
    return this.#token.value
  }

  #send(method: string, path: string, headers: Record<string, string>): Promise<Answer> {
    const { hostname, port } = this.#host
    return this.#http.send({ method, path, headers: { host: port === undefined ? hostname : `${hostname}:${port}`, ...headers }, timeoutMs: this.#world.auth.timeoutMs }, this.#closed.signal)
  }

  #leaseOf(text: string): Lease {
    const said = fieldsOf(text)
    const endsAt = Date.parse(said.Expiration ?? '')
    const now = this.#world.clock.now()
    const { AccessKeyId: accessKey, SecretAccessKey: secretKey, Token: token } = said
    if (!accessKey || !secretKey || !(endsAt > now)) throw new TempFail(`the metadata service gives no valid credentials of the role ${this.#role}${said.Code ? `: ${said.Code}` : ''}`)
    return { credentials: { accessKey, secretKey, ...(token ? { token } : {}) }, endsAt, renewAt: Math.max(endsAt - aheadMs, now + (endsAt - now) / 2) }
  }
}

/** The text fields of a JSON object; none where it is something else. */
const fieldsOf = (text: string): Partial<Record<string, string>> => {
  try {
    const parsed = JSON.parse(text) as unknown
    if (typeof parsed !== 'object' || parsed === null) return {}
    return Object.fromEntries(Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
  } catch {
    return {}
  }
}
