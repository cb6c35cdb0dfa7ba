// A connection to another server, for sessions that pass their clients on (actors/session/backend.ts): lines while they log in
// there, then bytes, whose way is a wire like that of any client.

import net from 'node:net'
import tls from 'node:tls'
import type { Endpoint } from '../actors/session/seed.ts'
import type { BackendAddress, BackendLink } from '../actors/session/backend.ts'
import { Input } from '../actors/session/lmtp/input.ts'
import type { Timers } from '../runtime/effects.ts'
import { TempFail, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { SocketWire } from './socket-wire.ts'
import type { Receiver } from './socket-wire.ts'

export class SocketLink implements BackendLink, Receiver {
  readonly remote: Endpoint
  readonly #to: BackendAddress
  readonly #timers: Timers
  readonly #tls: tls.ConnectionOptions
  readonly #input = new Input()
  #wire: SocketWire
  #paused = false
  #gone = false
  #wake: (() => void) | undefined

  /** `options`: of TLS. TempFail: not within `to.timeoutMs`. */
  static async open(to: BackendAddress, options: tls.ConnectionOptions, timers: Timers): Promise<SocketLink> {
    const socket = await connected(net.connect({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: limits.backendAliveMs }), 'connect', to.timeoutMs, timers)
    return new SocketLink(to, options, timers, to.secure ? await secured(socket, to, options, timers, to.timeoutMs) : socket)
  }

  private constructor(to: BackendAddress, options: tls.ConnectionOptions, timers: Timers, socket: net.Socket) {
    this.#to = to
    this.#timers = timers
    this.#tls = options
    this.remote = { ip: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
    this.#wire = new SocketWire(socket, timers)
    this.#wire.feed(this)
  }

  async line(timeoutMs: number): Promise<string> {
    let late = false
    const cancel = this.#timers.after(Math.max(0, timeoutMs), () => {
      late = true
      this.#wake?.()
    })
    try {
      for (;;) {
        const line = this.#input.line(limits.backendLineBytes)
        if (line === 'too-long') throw new TempFail('it sends a line without end')
        if (line !== 'incomplete') return Buffer.from(line).toString('latin1')
        if (this.#gone) throw new TempFail('it has closed the connection')
        if (late) throw new TempFail('it does not answer in time')
        if (this.#paused) {
          this.#paused = false
          this.#wire.resume()
        }
        await new Promise<void>((resolve) => { this.#wake = resolve })
      }
    } finally {
      cancel()
    }
  }

  write(bytes: Uint8Array | string): void { this.#wire.write(bytes) }

  async drained(): Promise<void> {
    if (this.#wire.pending <= limits.wireHighBytes) return
    try {
      await this.#wire.drained()
    } catch {
      throw new TempFail('it has closed the connection')
    }
  }

  async startTls(timeoutMs: number): Promise<void> {
    const socket = await this.#wire.detach()
    if (socket === undefined) throw new TempFail('it has closed the connection')
    this.#input.drop(this.#input.size)
    this.#wire = new SocketWire(await secured(socket, this.#to, this.#tls, this.#timers, timeoutMs), this.#timers)
    this.#wire.feed(this)
  }

  close(): void { this.#wire.close() }

  /** The wire, and what has been received and not read: the end of the conversation, and of this object's use. */
  handOn(): { wire: SocketWire; input: Uint8Array } {
    const input = this.#input.peek().slice()
    this.#input.drop(input.length)
    return { wire: this.#wire, input }
  }

  input(bytes: Uint8Array): void {
    this.#input.push(bytes)
    if (!this.#paused && this.#input.size > limits.backendLineBytes) {
      this.#paused = true
      this.#wire.pause()
    }
    this.#wake?.()
  }

  end(): void { this.hangup() }

  hangup(): void {
    this.#gone = true
    this.#wake?.()
  }
}

/** Settles with the socket when it is `ready`. TempFail; the socket is gone then. */
function connected<S extends net.Socket>(socket: S, ready: 'connect' | 'secureConnect', timeoutMs: number, timers: Timers): Promise<S> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      cancel()
      socket.destroy()
      reject(new TempFail(reason))
    }
    const cancel = timers.after(Math.max(0, timeoutMs), () => fail('no connection in time'))
    const failed = (error: Error): void => fail(messageOf(error))
    socket.once('error', failed)
    socket.once(ready, () => {
      cancel()
      socket.removeListener('error', failed)
      resolve(socket)
    })
  })
}

/** TLS over `socket`. TempFail. */
function secured(socket: net.Socket, to: BackendAddress, options: tls.ConnectionOptions, timers: Timers, timeoutMs: number): Promise<tls.TLSSocket> {
  const name = net.isIP(to.host) === 0 ? { servername: to.host } : {}
  return connected(tls.connect({ ...options, ...name, socket, host: to.host, rejectUnauthorized: to.verify }), 'secureConnect', timeoutMs, timers)
}
