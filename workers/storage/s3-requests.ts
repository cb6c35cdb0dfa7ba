// One request to an S3 store, signed, with its retries, and its failures as the kinds the house knows.
//
// Rules: "no such object" is believed only where the store says NoSuchKey itself; a missing bucket, or a 404 of some
// proxy, is TempFail. No text holds a secret. Every attempt is counted in the context's cost.

import { createHash } from 'node:crypto'
import type { Body, RequestContext } from '../../runtime/effects.ts'
import { Cancelled, ConditionFailed, LimitExceeded, messageOf, ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { bodyChunks, isShort, joinShort } from './body.ts'
import { countRequest, pause } from './driver.ts'
import type { FsWorld } from './driver.ts'
import { HttpClient, HttpFailure } from './http.ts'
import type { Answer } from './http.ts'
import type { HttpParameters } from './http-url.ts'
import { backoffMs, isPassing } from './retry.ts'
import { emptyPayloadHash, encodePath, encodeQuery, Signer, unsignedPayload } from './sigv4.ts'
import { parseXml, textOf } from './xml.ts'

export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Absent: the bucket itself. */
  key?: string
  query?: [string, string][]
  headers?: Record<string, string>
  body?: Body
  context: RequestContext
  /** Looks at a 2xx answer; a string is why it is no success after all and must be tried again. */
  accept?(answer: Answer, bodyMd5: string | undefined): Promise<string | undefined> | string | undefined
  /** Called before each further attempt after one that may have had its effect all the same. */
  onUncertain?(): void
}

interface Failed { status: number; code: string; text: string; retryAfter: string | undefined }

/** Where a bucket is. */
export interface S3Place {
  parameters: HttpParameters
  region: string
  /** The bucket's path, encoded: begins and ends with '/'. */
  base: string
  hostHeader: string
}

export class S3Requests {
  readonly #place: S3Place
  readonly #world: FsWorld
  readonly #http: HttpClient
  readonly #signer: Signer | undefined

  constructor(place: S3Place, world: FsWorld) {
    const { parameters, region } = place
    this.#place = place
    this.#world = world
    this.#http = HttpClient.open(parameters, world.timers, world.maxConnections)
    this.#signer = parameters.username === '' ? undefined : new Signer({ accessKey: parameters.username, secretKey: parameters.password }, region)
  }

  /** Answers a 2xx answer whose body has still to be taken; throws for everything else. */
  async send(request: S3Request): Promise<Answer> {
    const { parameters } = this.#place
    const began = this.#world.clock.monotonic()
    for (let attempt = 1, connects = 0; ; attempt++) {
      countRequest(request.context)
      const outcome = await this.#attempt(request)
      this.#warnIfSlow(request, this.#world.clock.monotonic() - began)
      if (!(outcome instanceof Error) && !isFailed(outcome)) return outcome
      const connecting = outcome instanceof HttpFailure && outcome.connecting
      const passing = outcome instanceof HttpFailure || (isFailed(outcome) && (isPassing(outcome.status) || passingCodes.has(outcome.code)))
      const waitMs = backoffMs(attempt, this.#world.random, isFailed(outcome) ? outcome.retryAfter : undefined)
      const late = this.#world.clock.monotonic() - began + waitMs > parameters.absoluteTimeoutMs
      const exhausted = attempt > parameters.maxRetries || (connecting && ++connects > parameters.maxConnectRetries)
      if (!passing || exhausted || late) throw failureOf(request, outcome, attempt)
      if (!connecting) request.onUncertain?.()
      await pause(this.#world.timers, waitMs, request.context.signal)
    }
  }

  /** Ends the connections when what is under way is finished. */
  close(): void { this.#http.close() }

  async #attempt(request: S3Request): Promise<Answer | Failed | HttpFailure> {
    const md5 = request.body && createHash('md5')
    try {
      const answer = await this.#http.send(this.#outgoing(request, md5), request.context.signal)
      if (answer.status >= 200 && answer.status < 300) {
        const refused = await request.accept?.(answer, md5?.digest('hex'))
        return refused === undefined ? answer : { status: 500, code: '', text: refused, retryAfter: undefined }
      }
      return await this.#failed(request, answer)
    } catch (error) {
      if (error instanceof HttpFailure) return error
      throw error
    }
  }

  #outgoing({ method, key, query = [], headers = {}, body, context }: S3Request, md5: ReturnType<typeof createHash> | undefined): Parameters<HttpClient['send']>[0] {
    const { base, hostHeader } = this.#place
    const path = base + (key === undefined ? '' : encodePath(key))
    const short = body && isShort(body) ? joinShort(body) : undefined
    if (short) md5!.update(short)
    const payloadHash = !body ? emptyPayloadHash : short ? createHash('sha256').update(short).digest('hex') : unsignedPayload
    const unsigned: Record<string, string> = { host: hostHeader, ...headers, ...this.#traces(context) }
    if (body) unsigned['content-length'] = String(body.size)
    else if (method === 'PUT') unsigned['content-length'] = '0'
    const added = this.#signer?.sign({ method, path, query, headers: unsigned, payloadHash }, this.#world.clock.now()) ?? {}
    return {
      method, path: query.length === 0 ? path : `${path}?${encodeQuery(query)}`,
      headers: { ...unsigned, ...added },
      body: short ?? (body && hashing(bodyChunks(body), md5!)),
    }
  }

  /** addhdr, and who asks for what: X-Dovecot-Username, -Session-Id, -Reason. */
  #traces({ user, session, reason }: RequestContext): Record<string, string> {
    const { headers, trace, reasonLength } = this.#place.parameters
    const all: Record<string, string> = {}
    for (const [name, value] of headers) all[name] = all[name] === undefined ? value : `${all[name]}, ${value}`
    if (!trace) return all
    all['x-dovecot-username'] = headerText(user)
    if (session) all['x-dovecot-session-id'] = headerText(session)
    if (reasonLength > 0) all['x-dovecot-reason'] = headerText(reason).slice(0, reasonLength)
    return all
  }

  async #failed(request: S3Request, answer: Answer): Promise<Failed> {
    const retryAfter = answer.headers['retry-after']
    const requestId = answer.headers['x-amz-request-id']
    const said = request.method === 'HEAD' ? (answer.drain(), '') : await answer.text(limits.httpErrorBytes).catch(tooLongIsNothing)
    const error = parseXml(said)
    const code = error?.name === 'Error' ? textOf(error, 'Code') ?? '' : ''
    const text = `HTTP ${answer.status}${code && ` ${code}`}${requestId ? ` (request ${requestId})` : ''}`
    return { status: answer.status, code, text, retryAfter }
  }

  #warnIfSlow({ method, context }: S3Request, ms: number): void {
    if (ms <= this.#place.parameters.slowWarnMs) return
    this.#world.emit({
      level: 'warning', name: 'storage.slow', text: `${method} for ${context.reason} has taken ${Math.round(ms)} ms`,
      user: context.user, ...(context.session === undefined ? {} : { session: context.session }), values: { ms },
    })
  }
}

/** Error codes that may pass although their status says the request was wrong. */
const passingCodes = new Set(['RequestTimeout', 'ConditionalRequestConflict', 'OperationAborted', 'SlowDown'])

const isFailed = (outcome: Answer | Failed | Error): outcome is Failed => 'code' in outcome && 'retryAfter' in outcome

const tooLongIsNothing = (error: unknown): string => {
  if (error instanceof LimitExceeded) return ''
  throw error
}

const failureOf = (request: S3Request, outcome: Failed | HttpFailure, attempts: number): Error => {
  const tried = attempts > 1 ? ` after ${attempts} attempts` : ''
  const about = `${request.method} ${request.key ?? 'bucket'}`
  if (outcome instanceof HttpFailure) return request.context.signal?.aborted ? new Cancelled() : new TempFail(`${about}: ${messageOf(outcome)}${tried}`)
  const key = request.key ?? ''
  if (outcome.code === 'NoSuchKey') return new ObjectNotFound(key)
  if (outcome.status === 404 && request.method === 'HEAD') return new ObjectNotFound(key)
  if (outcome.status === 416) return new ObjectNotFound(`${key} (the range is behind its end)`)
  if (outcome.status === 412) return new ConditionFailed(key)
  if (outcome.code === 'KeyTooLongError') return new LimitExceeded('objectKeyBytes', `${about}: the key is too long for this store`)
  return new TempFail(`${about}: ${outcome.text}${tried}`)
}

/** The ETag of an answer without its quotes; '' where there is none. */
export const etagOf = (answer: Answer): string => (answer.headers.etag ?? '').replace(/^W\//, '').replaceAll('"', '')

/** Any text as a header value: what is not printable ASCII, or would be trimmed, is percent-encoded (and so is a '%' that looks encoded). */
export const headerText = (text: string): string =>
  text.toWellFormed().replaceAll(/[^\x20-\x7e]+|%(?=[0-9A-Fa-f]{2})|^ | $/gu, (match) => (match === ' ' ? '%20' : encodeURIComponent(match)))

/** What `headerText` encoded, again; values of other writers stay as they are. */
export const fromHeaderText = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'))
  } catch {
    return text
  }
}

async function* hashing(chunks: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) { hash.update(chunk); yield chunk }
}
