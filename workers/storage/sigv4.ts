// AWS Signature Version 4 for S3: "Signing requests with AWS Signature Version 4" (AWS General Reference). S3's own
// particulars: the path is encoded once, and the payload may be left unsigned.

import { Buffer } from 'node:buffer'
import { createHmac, hash } from 'node:crypto'

/** `token` comes with a role's credentials, and is sent with every request. */
export interface Credentials { accessKey: string; secretKey: string; token?: string }

export interface SignedRequest {
  method: string
  /** As sent: every level encoded by `encodeUri`. */
  path: string
  /** Names and values, not encoded. */
  query: [string, string][]
  /** Lower-case names. `host` must be among them; all of them are signed. */
  headers: Record<string, string>
  /** Hex SHA-256 of the body, or `unsignedPayload`. */
  payloadHash: string
}

export const unsignedPayload = 'UNSIGNED-PAYLOAD'
export const emptyPayloadHash = hash('sha256', '')

/** RFC 3986 encoding of everything but the unreserved characters, as the signature demands it. */
export const encodeUri = (text: string): string => (/[^A-Za-z0-9._~-]/.test(text) ? encoded(text) : text)

const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** A path of encoded levels. */
export const encodePath = (path: string): string => path.split('/').map(encodeUri).join('/')

/** The query in the order that is signed; also what is sent. */
export const encodeQuery = (query: [string, string][]): string =>
  query.map(([name, value]) => `${encodeUri(name)}=${encodeUri(value)}`).sort().join('&')

const hmac = (key: string | Uint8Array, text: string): Uint8Array => createHmac('sha256', key).update(text).digest()

const canonicalValue = (value: string): string => (value.includes('  ') ? value.replaceAll(/ +/g, ' ') : value).trim()

/** Signs requests of one key pair in one region. */
export class Signer {
  readonly #credentials: Credentials
  readonly #region: string
  #day = ''
  #key: Uint8Array = new Uint8Array()

  constructor(credentials: Credentials, region: string) { this.#credentials = credentials; this.#region = region }

  /** The headers to add: x-amz-date, x-amz-content-sha256, authorization. */
  sign(request: SignedRequest, nowMs: number): Record<string, string> {
    const date = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
    const day = date.slice(0, 8)
    const added = { 'x-amz-date': date, 'x-amz-content-sha256': request.payloadHash }
    const headers: Record<string, string> = { ...request.headers, ...added }
    const sorted = Object.keys(headers).sort()
    const names = sorted.join(';')
    let canonical = `${request.method}\n${request.path}\n${encodeQuery(request.query)}\n`
    for (const name of sorted) canonical += `${name}:${canonicalValue(headers[name]!)}\n`
    canonical += `\n${names}\n${request.payloadHash}`
    const scope = `${day}/${this.#region}/s3/aws4_request`
    const signature = hmac(this.#keyOf(day), ['AWS4-HMAC-SHA256', date, scope, hash('sha256', canonical)].join('\n'))
    return {
      ...added,
      authorization: `AWS4-HMAC-SHA256 Credential=${this.#credentials.accessKey}/${scope}, SignedHeaders=${names}, Signature=${Buffer.from(signature).toString('hex')}`,
    }
  }

  /** The signing key changes with the day only. */
  #keyOf(day: string): Uint8Array {
    if (day !== this.#day) {
      this.#day = day
      this.#key = ['s3', 'aws4_request'].reduce<Uint8Array>(hmac, hmac(hmac(`AWS4${this.#credentials.secretKey}`, day), this.#region))
    }
    return this.#key
  }
}
