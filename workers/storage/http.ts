// HTTP to one host: keep-alive connections over @smithy/node-http-handler, a bound on their number, and time-outs.
//
// Rules: a request waits for a free connection here and never in the agent, so that connect and answer time-outs run
// only while something is being done. A body that is not taken holds its connection; whoever reads sees to its end.

import { Buffer } from 'node:buffer'
import { Agent as HttpAgent } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Readable } from 'node:stream'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { HttpRequest } from '@smithy/protocol-http'
import type { Timers } from '../../runtime/effects.ts'
import { Cancelled, LimitExceeded, messageOf } from '../../runtime/errors.ts'
import type { StoreTls } from './tls.ts'

/** One server. `tls` is for https. */
export interface HttpTarget { protocol: 'http:' | 'https:'; hostname: string; port: number | undefined; connectTimeoutMs: number; tls: StoreTls }

export interface Outgoing {
  method: string
  /** Encoded path, and query behind '?'. */
  path: string
  headers: Record<string, string>
  /** In one piece, or made anew for each attempt. */
  body?: Uint8Array | AsyncIterable<Uint8Array>
  /** Waiting for the next sign of life (ms). */
  timeoutMs: number
}

export interface Answer {
  status: number
  /** Lower-case names. */
  headers: Record<string, string>
  /** The bytes, checked against Content-Length. Leaving early gives up the connection. */
  chunks(): AsyncGenerator<Uint8Array>
  /** All of it, LimitExceeded beyond `most`. */
  text(most: number): Promise<string>
  /** Passes over a body that is empty or of no interest and short. */
  drain(): void
  /** Gives up what has not been read. */
  discard(): void
}

/** A request that got no answer, or only a part of one. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'
  /** Whether the connection was not even made, so that the request cannot have had an effect. */
  readonly connecting: boolean
  constructor(message: string, connecting: boolean) { super(message); this.connecting = connecting }
}

const connectErrors = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ECONNTIMEOUT'])

/** Clients by what they connect to: stores that differ in a header or prefix only (one for each user) share connections. */
const shared = new WeakMap<Timers, Map<string, HttpClient>>()

export class HttpClient {
  /** The client for `target`; to be closed once for each time it was opened. */
  static open(target: HttpTarget, timers: Timers, maxConnections: () => number): HttpClient {
    const { protocol, hostname, port, connectTimeoutMs, tls } = target
    let clients = shared.get(timers)
    if (!clients) shared.set(timers, clients = new Map())
    const name = [protocol, hostname, port, connectTimeoutMs, tls.name].join(' ')
    let client = clients.get(name)
    if (!client) clients.set(name, client = new HttpClient(target, timers, maxConnections, () => { clients.delete(name) }))
    client.#users++
    return client
  }

  readonly #target: HttpTarget
  readonly #timers: Timers
  readonly #maxConnections: () => number
  readonly #agent: HttpAgent
  readonly #http: NodeHttpHandler
  readonly #waiting: (() => void)[] = []
  readonly #forget: () => void
  #busy = 0
  #users = 0

  private constructor(target: HttpTarget, timers: Timers, maxConnections: () => number, forget: () => void) {
    this.#forget = forget
    this.#target = target
    this.#timers = timers
    this.#maxConnections = maxConnections
    const options = { keepAlive: true, maxSockets: Infinity, scheduling: 'lifo' as const }
    this.#agent = target.protocol === 'https:' ? new HttpsAgent({ ...options, ...target.tls.options }) : new HttpAgent(options)
    const agent = target.protocol === 'https:' ? { httpsAgent: this.#agent as HttpsAgent } : { httpAgent: this.#agent }
    this.#http = new NodeHttpHandler({ ...agent, connectionTimeout: target.connectTimeoutMs, requestTimeout: 0, socketTimeout: 0 })
  }

  /** Sends one request, once. HttpFailure where there is no answer; Cancelled by `signal`. */
  async send(request: Outgoing, signal: AbortSignal | undefined): Promise<Answer> {
    await this.#connection(signal)
    let released = false
    const release = (): void => {
      if (released) return
      released = true
      this.#busy--
      while (this.#busy < this.#maxConnections() && this.#waiting.length > 0) this.#waiting.shift()!()
      this.#endIfUnused()
    }
    try {
      return await this.#exchange(request, signal, release)
    } catch (error) {
      release()
      throw error
    }
  }

  /** Closes the connections when nobody has it open any more and what is under way is finished. */
  close(): void {
    this.#users--
    if (this.#users === 0) this.#forget()
    this.#endIfUnused()
  }

  #endIfUnused(): void {
    if (this.#users === 0 && this.#busy === 0) this.#agent.destroy()
  }

  async #exchange(request: Outgoing, signal: AbortSignal | undefined, release: () => void): Promise<Answer> {
    const controller = new AbortController()
    const onAbort = (): void => controller.abort()
    signal?.addEventListener('abort', onAbort, { once: true })
    const watch = new Watch(this.#timers, request.timeoutMs, () => controller.abort())
    const source = request.body && !(request.body instanceof Uint8Array) ? uploading(request.body, watch, () => controller.abort()) : undefined
    try {
      watch.restart()
      const { response } = await this.#http.handle(new HttpRequest({
        protocol: this.#target.protocol, hostname: this.#target.hostname, port: this.#target.port,
        method: request.method, path: request.path, headers: request.headers, body: source?.stream ?? request.body,
      }), { abortSignal: controller.signal })
      watch.stop()
      const message = response.body as IncomingMessage
      return answerOf(response.statusCode, response.headers, message, watch, signal, () => {
        signal?.removeEventListener('abort', onAbort)
        source?.stream.destroy()
        release()
      })
    } catch (error) {
      signal?.removeEventListener('abort', onAbort)
      source?.stream.destroy()
      throw this.#failure(error, request.timeoutMs, watch, signal, source?.failure())
    } finally {
      watch.stop()
    }
  }

  #failure(error: unknown, timeoutMs: number, watch: Watch, signal: AbortSignal | undefined, bodyFailure: unknown): unknown {
    if (signal?.aborted) return new Cancelled()
    if (bodyFailure) return bodyFailure
    const { hostname } = this.#target
    if (watch.fired) return new HttpFailure(`no answer from ${hostname} within ${timeoutMs} ms`, false)
    const { name, code } = error as { name?: string; code?: string }
    if (name === 'TimeoutError' && code === undefined) return new HttpFailure(`no connection to ${hostname} within ${this.#target.connectTimeoutMs} ms`, true)
    return new HttpFailure(`${hostname}: ${messageOf(error)}`, connectErrors.has(code ?? ''))
  }

  #connection(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(new Cancelled())
    if (this.#busy < this.#maxConnections()) { this.#busy++; return Promise.resolve() }
    return new Promise((resolve, reject) => {
      const go = (): void => { signal?.removeEventListener('abort', onAbort); this.#busy++; resolve() }
      const onAbort = (): void => { this.#waiting.splice(this.#waiting.indexOf(go), 1); reject(new Cancelled()) }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(go)
    })
  }
}

/** A timer that is started again with every sign of life. */
class Watch {
  fired = false
  readonly #timers: Timers
  readonly #ms: number
  readonly #action: () => void
  #cancel: (() => void) | undefined
  constructor(timers: Timers, ms: number, action: () => void) { this.#timers = timers; this.#ms = ms; this.#action = action }
  restart(): void {
    this.#cancel?.()
    this.#cancel = this.#timers.after(this.#ms, () => { this.fired = true; this.#action() })
  }
  stop(): void { this.#cancel?.(); this.#cancel = undefined }
}

/** A body on its way up. Its own failure (a spool file) gives up the request, and is what the caller hears of. */
const uploading = (body: AsyncIterable<Uint8Array>, watch: Watch, abort: () => void): { stream: Readable; failure(): unknown } => {
  let failure: unknown
  const stream = Readable.from((async function* () {
    for await (const chunk of body) { watch.restart(); yield chunk }
  })(), { objectMode: false, highWaterMark: 256 * 1024 })
  stream.on('error', (error) => { failure = error; abort() })
  return { stream, failure: () => failure }
}

const answerOf = (
  status: number, headers: Record<string, string>, message: IncomingMessage, watch: Watch, signal: AbortSignal | undefined, release: () => void,
): Answer => {
  message.once('close', release)
  message.on('error', () => {})
  const announced = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    let size = 0
    watch.restart()
    try {
      for await (const chunk of message) {
        watch.stop()
        size += (chunk as Uint8Array).length
        yield chunk as Uint8Array
        watch.restart()
      }
    } catch (error) {
      if (signal?.aborted) throw new Cancelled()
      throw new HttpFailure(watch.fired ? 'the store stopped sending' : `the answer broke off: ${messageOf(error)}`, false)
    } finally {
      watch.stop()
      message.destroy()
    }
    if (announced !== undefined && size !== announced) throw new HttpFailure(`${size} bytes came of ${announced}`, false)
  }
  return {
    status, headers, chunks,
    async text(most) {
      const parts: Uint8Array[] = []
      let size = 0
      for await (const chunk of chunks()) {
        size += chunk.length
        if (size > most) throw new LimitExceeded('httpListBytes', `an answer longer than ${most} bytes`)
        parts.push(chunk)
      }
      return new TextDecoder().decode(Buffer.concat(parts))
    },
    drain: () => { message.resume() },
    discard: () => { message.destroy() },
  }
}
