// A connection to the server under test: bytes → responses. Bounded: a response longer than limits.benchResponseBytes is an error.

import net from 'node:net'
import { limits } from '../../../runtime/limits.ts'
import type { Response } from './response.ts'

/** How many of the last lines are kept, to be shown with an error. */
const remembered = 30

export class Wire {
  readonly #socket: net.Socket
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  /** The response that has begun. */
  #parts: (string | Buffer)[] = []
  #bytes = 0
  /** Bytes of a literal that are still to come. */
  #literal: number | undefined
  #ended = false
  #wake: (() => void) | undefined
  readonly #last: string[] = []

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => {
      this.#buffer = this.#at === this.#buffer.length ? bytes : Buffer.concat([this.#buffer.subarray(this.#at), bytes])
      this.#at = 0
      this.#wake?.()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    socket.on('error', end).on('end', end).on('close', end)
  }

  static connect(host: string, port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, host, () => {
        socket.off('error', reject)
        resolve(new Wire(socket))
      })
      socket.once('error', reject)
    })
  }

  send(bytes: string | Buffer): void {
    if (typeof bytes === 'string') this.#remember(`C: ${bytes.trimEnd()}`)
    this.#socket.write(bytes)
  }

  /** The next response; 'silence' after `ms` without a whole one (it may still come), 'end' at the end of the connection. */
  async next(ms: number): Promise<Response | 'silence' | 'end'> {
    const until = performance.now() + ms
    for (;;) {
      const response = this.#take()
      if (response !== undefined) return response
      if (this.#ended) return 'end'
      const left = until - performance.now()
      if (left <= 0 || !await this.#more(left)) return this.#take() ?? 'silence'
    }
  }

  /** What was said last, by both. */
  get said(): readonly string[] { return this.#last }

  close(): void { this.#socket.destroy() }

  #more(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#wake = undefined
        resolve(false)
      }, ms)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve(true)
      }
    })
  }

  #take(): Response | undefined {
    for (;;) {
      if (this.#literal !== undefined) {
        if (this.#buffer.length - this.#at < this.#literal) return undefined
        this.#parts.push(this.#buffer.subarray(this.#at, this.#at += this.#literal))
        this.#literal = undefined
      }
      const end = this.#buffer.indexOf('\r\n', this.#at)
      if (end < 0) {
        this.#count(this.#buffer.length - this.#at, 0)
        return undefined
      }
      const line = this.#buffer.toString('latin1', this.#at, end)
      this.#at = end + 2
      this.#remember(`S: ${line.length > 300 ? `${line.slice(0, 300)} …` : line}`)
      this.#parts.push(line)
      const size = /\{(\d+)\}$/.exec(line)?.[1]
      this.#bytes = this.#count(line.length, Number(size ?? 0))
      if (size !== undefined) {
        this.#literal = Number(size)
        continue
      }
      const response = { parts: this.#parts }
      this.#parts = []
      this.#bytes = 0
      return response
    }
  }

  #count(line: number, literal: number): number {
    const bytes = this.#bytes + line + literal
    if (bytes > limits.benchResponseBytes) throw new Error(`a response of more than ${limits.benchResponseBytes} bytes`)
    return bytes
  }

  #remember(line: string): void {
    this.#last.push(line)
    if (this.#last.length > remembered) this.#last.shift()
  }
}
