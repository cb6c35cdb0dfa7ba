// What an OAuth2 provider says of a token: its token info, introspection (RFC 7662) or userinfo endpoint, and the password grant
// (RFC 6749 §4.3). One answer is short JSON; redirections are not followed, since a token is nobody else's.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import type { OAuth2File } from '../../conf/oauth2-file.ts'
import { ConfigError, LimitExceeded, TempFail, messageOf } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { realTimers } from '../../runtime/real-effects.ts'
import { HttpClient } from '../storage/http.ts'
import type { Answer } from '../storage/http.ts'
import type { StoreTls } from '../storage/tls.ts'
import { tlsOf } from '../storage/tls.ts'
import type { Json } from './jwt.ts'

/** `refused`: the provider does not want this token (or password). */
export type Told = { status: 'ok'; fields: Json } | { status: 'refused'; reason: string }

interface Request { method: 'GET' | 'POST'; url: URL; headers: Record<string, string>; form?: Record<string, string>; refusals: readonly number[] }

const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString()

export class Provider {
  readonly #file: OAuth2File
  readonly #tls: StoreTls
  readonly #clients = new Map<string, HttpClient>()

  /** ConfigError: a file of certificates that cannot be read. */
  constructor(file: OAuth2File) {
    this.#file = file
    const { tls_ca_cert_file, tls_ca_cert_dir, tls_cert_file: cert, tls_key_file: key, tls_allow_invalid_cert } = file.settings
    const read = (name: string): string => (name === '' ? '' : fs.readFileSync(name, 'utf8'))
    try {
      this.#tls = tlsOf({
        ssl_client_ca_file: tls_ca_cert_file, ssl_client_ca_dir: tls_ca_cert_dir, ssl_client_cert: read(cert), ssl_client_key: read(key),
        ssl_client_require_valid_cert: !tls_allow_invalid_cert,
      })
    } catch (error) {
      throw new ConfigError(`${file.path}: the tls_ settings cannot be used: ${messageOf(error).replace('ssl_client_ca', 'tls_ca_cert')}`)
    }
  }

  tokenInfo(token: string): Promise<Told> {
    const url = new URL(this.#file.settings.tokeninfo_url + encodeURIComponent(token))
    return this.#ask({ method: 'GET', url, headers: {}, refusals: [400, 401, 403] })
  }

  introspect(token: string): Promise<Told> {
    const { introspection_url: place, introspection_mode: mode } = this.#file.settings
    if (mode === 'get') return this.#ask({ method: 'GET', url: new URL(place + encodeURIComponent(token)), headers: {}, refusals: [400, 401, 403] })
    if (mode === 'post') {
      // RFC 7662 §2.2, §2.3: of a token that is no good it says so with 200; 401 is about us.
      return this.#ask({ method: 'POST', url: new URL(place), headers: {}, form: { token, ...this.#client() }, refusals: [] })
    }
    return this.#ask({ method: 'GET', url: new URL(place), headers: { authorization: `Bearer ${token}` }, refusals: [400, 401, 403] })
  }

  /** RFC 6749 §5.2: 400 with `invalid_grant` refuses the user; all else is about us. */
  async passwordGrant(username: string, password: string): Promise<Told> {
    const { grant_url, scope } = this.#file.settings
    const fields = { grant_type: 'password', username, password, ...(scope === '' ? {} : { scope }), ...this.#client() }
    return this.#ask({ method: 'POST', url: new URL(grant_url), headers: {}, form: fields, refusals: [400] }, 'invalid_grant')
  }

  #client(): Record<string, string> {
    const { client_id, client_secret } = this.#file.settings
    return client_id === '' ? {} : { client_id, ...(client_secret === '' ? {} : { client_secret }) }
  }

  async #ask({ method, url, headers, form: fields, refusals }: Request, refusal?: string): Promise<Told> {
    const { username, password } = url
    const timeoutMs = this.#file.settings.timeout_msecs || limits.oauthAnswerMs
    const client = this.#clientOf(url, timeoutMs)
    const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
    const body = fields === undefined ? undefined : Buffer.from(form(fields))
    const late = AbortSignal.timeout(timeoutMs)
    try {
      const answer = await client.send({
        method, path: url.pathname + url.search, timeoutMs,
        headers: {
          host: url.host, accept: 'application/json', 'user-agent': 'culver', ...(username === '' ? {} : { authorization: `Basic ${basic}` }), ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }),
        },
        ...(body === undefined ? {} : { body }),
      }, late)
      return await told(answer, refusals, refusal)
    } catch (error) {
      throw error instanceof TempFail ? error : new TempFail(`${url.origin}: ${late.aborted ? `no answer within ${timeoutMs} ms` : messageOf(error)}`)
    }
  }

  /** Kept for as long as the thread lives, with its connections: there are few such places. */
  #clientOf({ origin, protocol, hostname, port }: URL, timeoutMs: number): HttpClient {
    let client = this.#clients.get(origin)
    if (client === undefined) {
      client = HttpClient.open({
        protocol: protocol as 'http:' | 'https:', hostname: hostname.replaceAll(/[[\]]/g, ''), port: port === '' ? undefined : Number(port),
        connectTimeoutMs: Math.min(timeoutMs, limits.oauthConnectMs), tls: this.#tls,
      }, realTimers, () => limits.oauthConnections)
      this.#clients.set(origin, client)
    }
    return client
  }
}

async function told(answer: Answer, refusals: readonly number[], refusal: string | undefined): Promise<Told> {
  const text = await answer.text(limits.httpErrorBytes).catch((error: unknown) => {
    throw error instanceof LimitExceeded ? new TempFail('the provider\'s answer is too long') : error
  })
  const fields = objectOf(text)
  const { status } = answer
  if (refusals.includes(status) && (refusal === undefined || fields?.['error'] === refusal)) {
    return { status: 'refused', reason: `the provider says ${status}${typeof fields?.['error'] === 'string' ? ` ${fields['error'].slice(0, 100)}` : ''}` }
  }
  if (status < 200 || status > 299) throw new TempFail(`the provider says ${status}`)
  if (fields === undefined) throw new TempFail('the provider\'s answer is not a JSON object')
  return { status: 'ok', fields }
}

function objectOf(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Json : undefined
  } catch {
    return undefined
  }
}
