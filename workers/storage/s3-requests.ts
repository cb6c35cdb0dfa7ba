// How S3 is spoken to (AWS API reference 2006-03-01): signatures, and what a refusal means.
//
// Rules: "no such object" is believed only where the store says NoSuchKey itself; a missing bucket, or a 404 of some
// proxy, is TempFail. No text holds a secret. A clock that is wrong, a region, a role's expired key are put right once
// the store has said so.

import { hash } from 'node:crypto'
import { ConditionFailed, LimitExceeded, ObjectNotFound } from '../../runtime/errors.ts'
import type { CredentialSource } from './credentials.ts'
import type { FsWorld } from './driver.ts'
import type { Answer } from './http.ts'
import type { HttpParameters } from './http-url.ts'
import { endpointOf, loggedText, shortText } from './http-requests.ts'
import type { Attempt, Dialect, Endpoint, Refusal, StoreRequest } from './http-requests.ts'
import { signV2 } from './sigv2.ts'
import { emptyPayloadHash, encodeUri, Signer, unsignedPayload } from './sigv4.ts'
import type { Credentials } from './sigv4.ts'
import { parseXml, textOf } from './xml.ts'

/** Where a bucket is. */
export interface S3Place {
  parameters: HttpParameters
  bucket: string
  region: string
  /** Whether the region was said, and is no guess. */
  regionGiven: boolean
  /** Whether the bucket is the host's first label. */
  virtualHost: boolean
  /** The bucket's path, encoded: begins and ends with '/'. */
  base: string
  /** undefined: v4, or v2 where the store turns out to want that and no region was given. */
  signature: 'v2' | 'v4' | undefined
}

/** Error codes that may pass although their status says the request was wrong. */
const passingCodes = new Set(['RequestTimeout', 'ConditionalRequestConflict', 'OperationAborted', 'SlowDown', 'ServiceUnavailable', 'InternalError', 'BadDigest', 'IncompleteBody'])
const expiredCodes = new Set(['ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'TokenRefreshRequired', 'InvalidAccessKeyId'])

export class S3Dialect implements Dialect {
  readonly #place: S3Place
  readonly #world: FsWorld
  readonly #source: CredentialSource | undefined
  #region: string
  #version: 'v2' | 'v4'
  /** How far the store's clock is before ours (ms), once it has refused our time. */
  #skewMs = 0
  #signer: { credentials: Credentials; region: string; signer: Signer } | undefined
  #used: Credentials | undefined

  constructor(place: S3Place, source: CredentialSource | undefined, world: FsWorld) {
    this.#place = place
    this.#source = source
    this.#world = world
    this.#region = place.region
    this.#version = place.signature ?? 'v4'
  }

  async sign({ request, path, headers, short, endpoint }: Attempt): Promise<Record<string, string>> {
    if (!this.#source) return {}
    const credentials = await this.#source.current()
    this.#used = credentials
    const token: Record<string, string> = credentials.token === undefined ? {} : { 'x-amz-security-token': credentials.token }
    const now = this.#world.clock.now() + this.#skewMs
    const { method, query = [], body } = request
    if (this.#version === 'v2') {
      const resource = this.#place.virtualHost ? `/${encodeUri(this.#place.bucket)}${path}` : path
      return { ...token, ...signV2(credentials, { method, resource, query, headers: { ...headers, ...token } }, now) }
    }
    // Under TLS nobody changes the payload on its way, and Content-MD5 is signed; without, what is short is signed whole.
    const payloadHash = !body ? emptyPayloadHash
      : short && endpoint.protocol === 'http:' ? hash('sha256', short) : unsignedPayload
    return { ...token, ...this.#signerOf(credentials).sign({ method, path, query, headers: { ...headers, ...token }, payloadHash }, now) }
  }

  async token(): Promise<string> { return (await this.#source?.current())?.token ?? '' }

  async refused(request: StoreRequest, answer: Answer, endpoint: Endpoint): Promise<Refusal> {
    const { status, headers } = answer
    const said = request.method === 'HEAD' ? (answer.drain(), '') : await shortText(answer)
    const error = parseXml(said)
    const field = (name: string): string => (error?.name === 'Error' ? textOf(error, name) ?? '' : '')
    const code = field('Code')
    const requestId = headers['x-amz-request-id']
    const text = `HTTP ${status}${code && ` ${code}`}${requestId ? ` (request ${requestId})` : ''}${loggedText(this.#place.parameters.loggedHeaders, headers)}`
    const refusal: Refusal = { status, text, retryAfter: headers['retry-after'], passing: passingCodes.has(code) }
    const failure = failureOf(request, status, code)
    if (failure) refusal.failure = failure
    if (this.#mends(status, code, field, answer)) return { ...refusal, mended: true }
    const moved = this.#moved(status, headers.location, field('Endpoint'), endpoint)
    return moved ? { ...refusal, moved } : refusal
  }

  /** Puts right what the answer says is wrong with us; whether there was anything. */
  #mends(status: number, code: string, field: (name: string) => string, { headers }: Answer): boolean {
    if (code === 'RequestTimeTooSkewed') return this.#setClock(headers.date)
    if (expiredCodes.has(code)) return this.#used !== undefined && this.#source!.refused(this.#used)
    const region = headers['x-amz-bucket-region'] ?? field('Region')
    if ([301, 307, 400, 403].includes(status) && region !== '' && region !== this.#region && this.#version === 'v4') {
      this.#region = region
      // With a redirect there is more to do than to sign anew.
      return status === 400 || status === 403
    }
    const oldStore = (status === 400 || status === 403 || status === 501) && /unsupported authorization type|authorization mechanism|AWS4-HMAC-SHA256/i.test(`${code} ${field('Message')}`)
    if (oldStore && this.#place.signature === undefined && !this.#place.regionGiven && this.#version === 'v4') {
      this.#version = 'v2'
      return true
    }
    return false
  }

  #setClock(date: string | undefined): boolean {
    const theirs = Date.parse(date ?? '')
    const skew = theirs - this.#world.clock.now()
    // The same clock again: then it is something else.
    if (Number.isNaN(skew) || Math.abs(skew - this.#skewMs) < 60_000) return false
    this.#skewMs = skew
    this.#world.emit({ level: 'warning', name: 'storage.clock', text: `this machine's clock and the store's differ by ${Math.round(skew / 1000)} s; requests are signed by the store's` })
    return true
  }

  /** 301: the bucket lives elsewhere, for good; 302, 307, 308: for this request. */
  #moved(status: number, location: string | undefined, named: string, from: Endpoint): Refusal['moved'] {
    if (![301, 302, 307, 308].includes(status)) return undefined
    const there = endpointOf(location, from)
    if (there && status !== 301) return { ...there, stay: false }
    if (there) return { endpoint: there.endpoint, stay: true }
    // AWS names a host with the bucket in it, in either style.
    const own = `${this.#place.bucket}.`
    const hostname = !this.#place.virtualHost && named.startsWith(own) ? named.slice(own.length) : named
    return /^[A-Za-z0-9.-]+$/.test(hostname) && hostname !== from.hostname ? { endpoint: { ...from, hostname }, stay: true } : undefined
  }

  #signerOf(credentials: Credentials): Signer {
    if (this.#signer?.credentials !== credentials || this.#signer.region !== this.#region) {
      this.#signer = { credentials, region: this.#region, signer: new Signer(credentials, this.#region) }
    }
    return this.#signer.signer
  }
}

/** What a refusal means for the object; undefined: nothing but that it failed. */
const failureOf = (request: StoreRequest, status: number, code: string): Error | undefined => {
  const key = request.key ?? ''
  if (code === 'NoSuchKey' || (status === 404 && request.method === 'HEAD')) return new ObjectNotFound(key)
  if (status === 416) return new ObjectNotFound(`${key} (the range is behind its end)`)
  if (status === 412) return new ConditionFailed(key)
  if (code === 'KeyTooLongError') return new LimitExceeded('objectKeyBytes', `${request.method} ${key}: the key is too long for this store`)
  return undefined
}

/** The ETag of an answer without its quotes; '' where there is none. */
export const etagOf = (answer: { headers: Record<string, string> }): string => (answer.headers.etag ?? '').replace(/^W\//, '').replaceAll('"', '')
