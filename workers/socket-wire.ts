// The client's end of a session whose socket is on this thread.
//
// A client that does not read cannot hold the server's memory: producers wait at limits.wireHighBytes, what is sent
// unasked (IDLE) is cut off at limits.wireMaxBytes, and one who takes nothing at all for limits.slowClientMs is gone.

import type net from 'node:net'
import type { Wire } from '../actors/session/types.ts'
import type { Cancel, Timers } from '../runtime/effects.ts'
import { Cancelled } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { DrainWaiters, Outgoing } from './outgoing.ts'

/** Where the client's bytes go: a session here, or the relay to one elsewhere. */
export interface Receiver {
  input(bytes: Uint8Array): void
  hangup(): void
}

export class SocketWire implements Wire {
  readonly #socket: net.Socket
  readonly #timers: Timers
  readonly #outgoing = new Outgoing()
  readonly #waiters = new DrainWaiters()
  #receiver: Receiver | undefined
  #flushScheduled = false
  #closing = false
  #gone = false
  #cancelWatch: Cancel | undefined

  constructor(socket: net.Socket, timers: Timers) {
    this.#socket = socket
    this.#timers = timers
    socket.on('data', (bytes) => this.#receiver?.input(bytes as Uint8Array))
    socket.on('error', () => {}) // 'close' follows and says all we act on
    socket.on('end', () => this.#hangup())
    socket.on('close', () => this.#hangup())
  }

  /** Gives the client's bytes to someone (else) from now on. */
  feed(receiver: Receiver): void { this.#receiver = receiver }

  get pending(): number { return this.#outgoing.size + this.#socket.writableLength }
  get bytesIn(): number { return this.#socket.bytesRead }
  get bytesOut(): number { return this.#socket.bytesWritten }

  write(bytes: Uint8Array | string): void {
    if (this.#gone || this.#closing) return
    this.#outgoing.add(bytes)
    if (this.pending > limits.wireMaxBytes) return this.destroy()
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    setImmediate(this.#flush)
  }

  drained(): Promise<void> {
    if (this.#gone) return Promise.reject(new Cancelled('the client is gone'))
    if (this.pending <= limits.wireLowBytes) return Promise.resolve()
    return this.#waiters.wait()
  }

  pause(): void { this.#socket.pause() }
  resume(): void { this.#socket.resume() }

  close(): void {
    if (this.#closing || this.#gone) return
    this.#flush()
    this.#closing = true
    this.#socket.end()
    // A client that never answers our FIN would keep the socket half open for ever.
    this.#watch()
  }

  /** Drops the connection at once, unsent bytes and all. */
  destroy(): void { this.#socket.destroy() }

  readonly #flush = (): void => {
    this.#flushScheduled = false
    if (this.#gone || this.#closing || this.#outgoing.size === 0) return
    const pieces = this.#outgoing.take()
    if (pieces.length > 1) this.#socket.cork()
    for (const [i, piece] of pieces.entries()) {
      const written = i === pieces.length - 1 ? this.#written : undefined
      if (typeof piece === 'string') this.#socket.write(piece, 'latin1', written)
      else this.#socket.write(piece, written)
    }
    if (pieces.length > 1) this.#socket.uncork()
    if (this.#socket.writableLength > limits.wireLowBytes) this.#watch()
  }

  readonly #written = (): void => {
    if (this.#waiters.any && this.pending <= limits.wireLowBytes) this.#waiters.release()
  }

  /** Cuts off a client that has not taken a byte since the last look, as long as there are bytes for it. */
  #watch(): void {
    if (this.#cancelWatch !== undefined) return
    const before = this.#socket.bytesWritten - this.#socket.writableLength
    this.#cancelWatch = this.#timers.after(limits.slowClientMs, () => {
      this.#cancelWatch = undefined
      if (this.#gone || (this.pending === 0 && !this.#closing)) return
      const stuck = this.#socket.bytesWritten - this.#socket.writableLength === before
      if (stuck) this.destroy()
      else this.#watch()
    })
  }

  #hangup(): void {
    if (this.#gone) return
    this.#gone = true
    this.#cancelWatch?.()
    this.#outgoing.take()
    this.#waiters.fail(new Cancelled('the client is gone'))
    this.#receiver?.hangup()
    this.#receiver = undefined
    this.#socket.destroySoon()
  }
}
