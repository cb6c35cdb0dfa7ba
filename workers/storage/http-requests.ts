// One request to an HTTP store, with its retries, whatever the store speaks; what it speaks is a `Dialect`.
//
// Rules: 5xx, 429, 408 and lost connections are tried again (storage/retry.ts), what a dialect has mended (a clock, a
// key, a region) at once and a few times only. Redirects are followed to servers of the same scheme, a few times only.
// absolute_timeout ends everything up to the answer's head. Every attempt is counted in the context's cost.

import { createHash } from 'node:crypto'
import type { Body, RequestContext } from '../../runtime/effects.ts'
import { Cancelled, LimitExceeded, messageOf, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { bodyChunks, isShort, joinShort } from './body.ts'
import { countRequest, pause } from './driver.ts'
import type { FsWorld } from './driver.ts'
import { headerText } from './header-text.ts'
import { HttpClient, HttpFailure } from './http.ts'
import type { Answer } from './http.ts'
import type { HttpKind, HttpParameters } from './http-url.ts'
import { backoffMs, isPassing } from './retry.ts'
import { encodeQuery } from './sigv4.ts'

export interface StoreRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Which time-out and retries hold; without it, the method says. */
  kind?: HttpKind
  /** What it is about, for messages and errors. */
  key?: string
  /** Encoded. */
  path: string
  query?: [string, string][]
  /** Sent as it is, behind `?` (CDMI's `children:0-9` is no name=value). */
  rawQuery?: string
  headers?: Record<string, string>
  body?: Body
  /** Hex MD5 of `body` for `accept`, where it is known before. */
  bodyMd5?: string
  /** In place of `body`: bytes that are made on their way up, anew for each attempt. */
  upload?: { size: number; chunks(): AsyncIterable<Uint8Array> }
  context: RequestContext
  /** Looks at a 2xx answer; a string is why it is no success after all and must be tried again. */
  accept?(answer: Answer, bodyMd5: string | undefined): Promise<string | undefined> | string | undefined
  /** Called before each further attempt after one that may have had its effect all the same. */
  onUncertain?(): void
}

/** A server to talk to. */
export interface Endpoint { protocol: 'http:' | 'https:'; hostname: string; port: number | undefined }

/** One attempt, before it is signed. */
export interface Attempt { request: StoreRequest; path: string; headers: Record<string, string>; short: Uint8Array | undefined; endpoint: Endpoint }

/** An answer that is no success. */
export interface Refusal {
  status: number
  /** For messages: status, code, request id. */
  text: string
  retryAfter?: string | undefined
  /** May pass by itself though its status says otherwise. */
  passing?: boolean
  /** What was wrong has been put right: try again at once. */
  mended?: boolean
  /** Ask there instead. `stay`: later requests, too. */
  moved?: { endpoint: Endpoint; path?: string; stay: boolean }
  /** What it means where it stays. */
  failure?: Error
}

/** What is one protocol's own. */
export interface Dialect {
  /** The headers to add to an attempt: who we are. */
  sign(attempt: Attempt): Promise<Record<string, string>> | Record<string, string>
  /** What a refusal means. Takes or discards the answer's body. */
  refused(request: StoreRequest, answer: Answer, endpoint: Endpoint): Promise<Refusal>
  /** The value of %{auth:token}. */
  token?(): Promise<string>
}

/** Attempts at once, without waiting, that one request may have because something was mended or moved. */
const mostMended = 4
const kindOf: Record<StoreRequest['method'], HttpKind> = { GET: 'read', HEAD: 'read', PUT: 'write', POST: 'write', DELETE: 'delete' }

export class HttpRequests {
  readonly #parameters: HttpParameters
  readonly #world: FsWorld
  readonly #dialect: Dialect
  readonly #clients = new Map<string, HttpClient>()
  #endpoint: Endpoint

  constructor(parameters: HttpParameters, dialect: Dialect, world: FsWorld) {
    this.#parameters = parameters
    this.#world = world
    this.#dialect = dialect
    const { protocol, hostname, port } = parameters
    this.#endpoint = { protocol, hostname, port }
    this.#client(this.#endpoint)
  }

  /** Answers a 2xx answer whose body has still to be taken; throws for everything else. */
  async send(request: StoreRequest): Promise<Answer> {
    const { absoluteTimeoutMs } = this.#parameters
    if (absoluteTimeoutMs === Infinity) return this.#attempts(request, request.context.signal)
    const late = new AbortController()
    const disarm = this.#world.timers.after(absoluteTimeoutMs, () => late.abort())
    const { signal } = request.context
    const onAbort = (): void => late.abort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await this.#attempts(request, late.signal)
    } catch (error) {
      if (late.signal.aborted && !signal?.aborted) throw new TempFail(`${about(request)}: not done within ${absoluteTimeoutMs} ms (absolute_timeout)`)
      throw error
    } finally {
      // From here on the body is read, at its reader's pace.
      disarm()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Ends the connections when what is under way is finished. */
  close(): void {
    for (const client of this.#clients.values()) client.close()
    this.#clients.clear()
  }

  async #attempts(request: StoreRequest, signal: AbortSignal | undefined): Promise<Answer> {
    const { maxRetries, maxConnectRetries } = this.#parameters
    const most = maxRetries[request.kind ?? kindOf[request.method]]
    const began = this.#world.clock.monotonic()
    let there: { endpoint: Endpoint; path?: string } | undefined
    for (let attempt = 1, connects = 0, mended = 0, tries = 1; ; tries++) {
      countRequest(request.context)
      const outcome = await this.#attempt(request, there ?? { endpoint: this.#endpoint }, signal)
      this.#warnIfSlow(request, outcome, this.#world.clock.monotonic() - began)
      if ('chunks' in outcome) return outcome
      if (!(outcome instanceof HttpFailure) && (outcome.mended || outcome.moved) && mended < mostMended) {
        mended++
        if (outcome.moved) there = outcome.moved
        if (outcome.moved?.stay) { this.#endpoint = outcome.moved.endpoint; there = undefined }
        continue
      }
      const connecting = outcome instanceof HttpFailure && outcome.connecting
      const passing = outcome instanceof HttpFailure || outcome.passing || isPassing(outcome.status)
      const exhausted = attempt > most || (connecting && ++connects > maxConnectRetries)
      if (!passing || exhausted) throw failureOf(request, outcome, tries)
      if (!connecting) request.onUncertain?.()
      await pause(this.#world.timers, backoffMs(attempt++, this.#world.random, outcome instanceof HttpFailure ? undefined : outcome.retryAfter), signal)
    }
  }

  async #attempt(request: StoreRequest, { endpoint, path }: { endpoint: Endpoint; path?: string }, signal: AbortSignal | undefined): Promise<Answer | Refusal | HttpFailure> {
    const { body, upload, query = [], rawQuery, method } = request
    const short = body && isShort(body) ? joinShort(body) : undefined
    const md5 = body && request.accept && request.bodyMd5 === undefined ? createHash('md5') : undefined
    if (short) md5?.update(short)
    const target = path ?? request.path
    const headers: Record<string, string> = { host: hostOf(endpoint), ...request.headers, ...await this.#traces(request.context) }
    if (body ?? upload) headers['content-length'] = String((body ?? upload)!.size)
    else if (method === 'PUT') headers['content-length'] = '0'
    try {
      const added = await this.#dialect.sign({ request, path: target, headers, short, endpoint })
      const asked = rawQuery ?? encodeQuery(query)
      const answer = await this.#client(endpoint).send({
        method, path: asked === '' ? target : `${target}?${asked}`, headers: { ...headers, ...added },
        ...(body ? { body: short ?? hashing(bodyChunks(body), md5) } : upload ? { body: upload.chunks() } : {}),
        timeoutMs: this.#parameters.timeoutMs[request.kind ?? kindOf[method]],
      }, signal)
      if (answer.status < 200 || answer.status >= 300) return await this.#dialect.refused(request, answer, endpoint)
      const refused = await request.accept?.(answer, request.bodyMd5 ?? md5?.digest('hex'))
      return refused === undefined ? answer : { status: 500, text: refused }
    } catch (error) {
      if (error instanceof HttpFailure) return error
      throw error
    }
  }

  #client(endpoint: Endpoint): HttpClient {
    const { protocol, hostname, port } = endpoint
    const name = `${protocol} ${hostname} ${port ?? ''}`
    let client = this.#clients.get(name)
    if (client) return client
    // The first one is the configured server's; of those it sends us to, a few are remembered.
    if (this.#clients.size > limits.storeRedirectHosts) {
      const [, old] = [...this.#clients.keys()]
      this.#clients.get(old!)?.close()
      this.#clients.delete(old!)
    }
    const { timers, maxConnections, tls } = this.#world
    this.#clients.set(name, client = HttpClient.open({ protocol, hostname, port, connectTimeoutMs: this.#parameters.connectTimeoutMs, tls }, timers, maxConnections))
    return client
  }

  /** addhdr and addhdrvar, and who asks for what: X-Dovecot-Username, -Session-Id, -Reason. */
  async #traces({ user, session = '', reason }: RequestContext): Promise<Record<string, string>> {
    const { headers, headerVariables, trace, reasonLength } = this.#parameters
    const all: Record<string, string> = {}
    const add = (name: string, value: string): void => { all[name] = all[name] === undefined ? value : `${all[name]}, ${value}` }
    for (const [name, value] of headers) add(name, value)
    for (const [name, variable] of headerVariables) {
      const value = variable === 'auth:token' ? await this.#dialect.token?.() ?? '' : { user, session, reason }[variable]
      if (value !== '') add(name, headerText(value))
    }
    if (!trace) return all
    all['x-dovecot-username'] = headerText(user)
    if (session) all['x-dovecot-session-id'] = headerText(session)
    if (reasonLength > 0) all['x-dovecot-reason'] = headerText(reason).slice(0, reasonLength)
    return all
  }

  #warnIfSlow(request: StoreRequest, outcome: Answer | Refusal | HttpFailure, ms: number): void {
    const { slowWarnMs, loggedHeaders } = this.#parameters
    if (ms <= slowWarnMs) return
    const { user, session, reason } = request.context
    const logged = 'headers' in outcome ? loggedText(loggedHeaders, outcome.headers) : ''
    this.#world.emit({
      level: 'warning', name: 'storage.slow', text: `${request.method} for ${reason} has taken ${Math.round(ms)} ms${logged}`,
      user, ...(session === undefined ? {} : { session }), values: { ms },
    })
  }
}

/** ` (name: value, …)` of the headers that are to be logged (loghdr). */
export const loggedText = (names: string[], headers: Record<string, string>): string => {
  const found = names.filter((name) => headers[name] !== undefined).map((name) => `${name}: ${headers[name]!.slice(0, 200)}`)
  return found.length === 0 ? '' : ` (${found.join(', ')})`
}

/** HOST[:PORT], as the Host header says it. */
export const hostOf = ({ protocol, hostname, port }: Endpoint): string => {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  return port === undefined || port === (protocol === 'https:' ? 443 : 80) ? host : `${host}:${port}`
}

/** Where a Location leads; undefined where it is none that may be followed: another scheme, a place with a password. */
export const endpointOf = (location: string | undefined, from: Endpoint): { endpoint: Endpoint; path: string } | undefined => {
  const url = location === undefined ? null : URL.parse(location, `${from.protocol}//${hostOf(from)}/`)
  if (!url || url.protocol !== from.protocol || url.username !== '') return undefined
  return {
    endpoint: { protocol: from.protocol, hostname: url.hostname.replaceAll(/[[\]]/g, ''), port: url.port === '' ? undefined : Number(url.port) },
    path: url.pathname,
  }
}

/** The text of a short answer; '' where it is too long to be one. */
export const shortText = (answer: Answer): Promise<string> => answer.text(limits.httpErrorBytes).catch((error: unknown) => {
  if (error instanceof LimitExceeded) return ''
  throw error
})

const about = (request: StoreRequest): string => `${request.method} ${request.key ?? 'the store'}`

const failureOf = (request: StoreRequest, outcome: Refusal | HttpFailure, attempts: number): Error => {
  const tried = attempts > 1 ? ` after ${attempts} attempts` : ''
  if (outcome instanceof HttpFailure) return request.context.signal?.aborted ? new Cancelled() : new TempFail(`${about(request)}: ${messageOf(outcome)}${tried}`)
  return outcome.failure ?? new TempFail(`${about(request)}: ${outcome.text}${tried}`)
}

async function* hashing(chunks: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash> | undefined): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) { hash?.update(chunk); yield chunk }
}
