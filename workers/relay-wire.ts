// The home's side of a relayed connection: the Wire of a session whose socket is on another thread.

import type { Wire } from '../actors/session/types.ts'
import type { SessionSeed } from '../actors/session/seed.ts'
import { Cancelled } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { DrainWaiters, Outgoing, flushThisTurn } from './outgoing.ts'
import { inputStep, joined } from './relay-messages.ts'
import type { ToSocket, Way, Without } from './relay-messages.ts'
import type { Receiver } from './socket-wire.ts'

export class RelayWire implements Wire {
  readonly #way: Way<Without<ToSocket>>
  readonly #outgoing = new Outgoing()
  readonly #waiters = new DrainWaiters()
  #receiver: Receiver | undefined
  /** Received while the session had paused; at most the socket side's window. */
  #held: Uint8Array[] = []
  #paused = false
  #ended = false
  /** Bytes on their way to the client that the socket side has not told of as taken. */
  #sent = 0
  /** Bytes of input taken that the socket side has not been told of. */
  #untold = 0
  #flushDue = false
  #gone = false
  /** Input on its way back to the socket, and what becomes of it once no more is to come. */
  #recalled: { pieces: Uint8Array[]; then(input: Uint8Array): void } | undefined
  compressed: boolean
  bytesIn: number
  bytesOut: number

  constructor(opened: { bytesIn: number; bytesOut: number; compressed: boolean }, way: Way<Without<ToSocket>>) {
    this.#way = way
    this.bytesIn = opened.bytesIn
    this.bytesOut = opened.bytesOut
    this.compressed = opened.compressed
  }

  feed(receiver: Receiver): void { this.#receiver = receiver }

  get pending(): number { return this.#outgoing.size + this.#sent }

  write(bytes: Uint8Array | string): void {
    if (this.#gone) return
    this.#outgoing.add(bytes)
    if (this.pending > limits.wireMaxBytes) return this.#drop()
    if (this.#flushDue) return
    this.#flushDue = true
    flushThisTurn(this)
  }

  drained(): Promise<void> {
    if (this.#gone) return Promise.reject(new Cancelled('the client is gone'))
    if (this.pending <= limits.wireLowBytes) return Promise.resolve()
    return this.#waiters.wait()
  }

  pause(): void { this.#paused = true }

  resume(): void {
    this.#paused = false
    if (this.#held.length > 0) queueMicrotask(() => this.#release())
  }

  close(): void {
    if (this.#gone) return
    this.flush()
    this.#drop()
  }

  compress(input: Uint8Array): void {
    if (this.#gone) return
    this.compressed = true
    this.flush()
    this.#way.tell({ op: 'deflate' })
    this.#recall(input, (bytes) => this.#way.tell({ op: 'inflate', bytes }, [bytes.buffer]))
  }

  park(): void { if (this.compressed && !this.#gone) this.#way.tell({ op: 'park' }) }

  /** The session of `seed` begins at the socket's side, with `input` and what is on its way here. */
  giveBack(seed: SessionSeed, input: Uint8Array): void {
    if (this.#gone) return
    this.#receiver = undefined
    const last = this.#outgoing.takeJoined()
    this.#recall(input, (bytes) => {
      this.#way.tell({ op: 'again', seed, bytes, last }, [bytes.buffer])
      this.#gone = true
      this.#way.gone()
    })
  }

  /** The socket's side sends no more until it has had its input back. */
  held(): void {
    const recalled = this.#recalled
    this.#recalled = undefined
    recalled?.then(joined(recalled.pieces))
  }

  #recall(input: Uint8Array, then: (input: Uint8Array) => void): void {
    this.#recalled = { pieces: [input, ...this.#held], then }
    this.bytesIn -= input.length + this.#held.reduce((sum, piece) => sum + piece.length, 0)
    for (const piece of this.#held) this.#taken(piece.length)
    this.#held = []
    this.#way.tell({ op: 'hold' })
  }

  received(bytes: Uint8Array): void {
    if (this.#recalled !== undefined) {
      this.#recalled.pieces.push(bytes)
      return this.#taken(bytes.length)
    }
    this.bytesIn += bytes.length
    if (this.#paused || this.#held.length > 0) this.#held.push(bytes)
    else this.#handOver(bytes)
  }

  taken(count: number): void {
    this.#sent -= count
    if (this.#waiters.any && this.pending <= limits.wireLowBytes) this.#waiters.release()
  }

  /** The client sends no more than has been received. */
  end(why?: string): void {
    this.#ended = true
    if (why !== undefined || this.#held.length === 0) this.#receiver?.end(why)
  }

  /** The socket is gone. */
  hangup(): void {
    if (this.#gone) return
    this.#gone = true
    this.#held = []
    this.#outgoing.take()
    this.#sent = 0
    this.#way.gone()
    this.#waiters.fail(new Cancelled('the client is gone'))
    // Never from within a call of the session's own (close): it hears of it as it does from a socket, a turn later.
    queueMicrotask(() => this.#receiver?.hangup())
  }

  /** What was held, until the session pauses again. */
  #release(): void {
    while (!this.#paused && this.#held.length > 0) this.#handOver(this.#held.shift()!)
    if (this.#ended && this.#held.length === 0) this.#receiver?.end()
  }

  #handOver(bytes: Uint8Array): void {
    this.#taken(bytes.length)
    this.#receiver?.input(bytes)
  }

  #taken(count: number): void {
    this.#untold += count
    if (this.#untold < inputStep) return
    this.#way.tell({ op: 'input-taken', count: this.#untold })
    this.#untold = 0
  }

  /** Sends what has been gathered. */
  flush(): void {
    this.#flushDue = false
    if (this.#gone || this.#outgoing.size === 0) return
    const bytes = this.#outgoing.takeJoined()
    this.#sent += bytes.length
    this.bytesOut += bytes.length
    this.#way.tell({ op: 'output', bytes }, typeof bytes === 'string' ? undefined : [bytes.buffer])
  }

  #drop(): void {
    this.#way.tell({ op: 'close' })
    this.hangup()
  }
}
