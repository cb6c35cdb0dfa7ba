// The socket's side of a relayed connection: the client's bytes go home, the session's come back to the socket.

import { limits } from '../runtime/limits.ts'
import { joined, outputStep } from './relay-messages.ts'
import type { ToHome, Way, Without } from './relay-messages.ts'
import type { Receiver, SocketWire } from './socket-wire.ts'

export class RelayedSocket implements Receiver {
  readonly wire: SocketWire
  readonly #farewell: string
  readonly #way: Way<Without<ToHome>>
  /** Sent home and not told of as taken. */
  #unacknowledged = 0
  /** Come from home and not told of as taken. */
  #untold = 0
  /** Received since the home has recalled its input. */
  #held: Uint8Array[] | undefined

  constructor(wire: SocketWire, farewell: string, way: Way<Without<ToHome>>) {
    this.wire = wire
    this.#farewell = farewell
    this.#way = way
  }

  input(bytes: Uint8Array): void {
    if (this.#held !== undefined) {
      this.#held.push(bytes)
      return this.wire.pause()
    }
    // A buffer that is shared with others cannot be transferred.
    const own = bytes.length === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
    this.#unacknowledged += own.length
    if (this.#unacknowledged > limits.inputHighBytes) this.wire.pause()
    this.#way.tell({ op: 'input', bytes: own }, [own.buffer])
  }

  inputTaken(count: number): void {
    this.#unacknowledged -= count
    if (this.#unacknowledged <= limits.inputHighBytes) this.wire.resume()
  }

  output(bytes: Uint8Array | string): void {
    this.wire.write(bytes)
    this.#untold += bytes.length
    if (this.#untold < outputStep) return
    if (this.wire.pending <= limits.wireLowBytes) this.#acknowledge()
    else void this.wire.drained().then(() => this.#acknowledge(), () => {})
  }

  #acknowledge(): void {
    if (this.#untold === 0) return
    this.#way.tell({ op: 'output-taken', count: this.#untold })
    this.#untold = 0
  }

  deflate(): void { this.wire.deflate() }

  hold(): void {
    this.#held = []
    this.#way.tell({ op: 'held' })
  }

  inflate(bytes: Uint8Array): void {
    const input = joined([bytes, ...(this.#held ?? [])])
    this.#held = undefined
    this.wire.inflate(input)
    if (this.#unacknowledged <= limits.inputHighBytes) this.wire.resume()
  }

  /** Lets the socket go; what is the next session's input. */
  release(bytes: Uint8Array): Uint8Array {
    this.#way.gone()
    return joined([bytes, ...(this.#held ?? [])])
  }

  /** While bytes are held, whoever gets them is told behind them. */
  end(why?: string): void {
    if (this.#held === undefined) this.#way.tell({ op: 'end', ...(why === undefined ? {} : { why }) })
  }

  hangup(): void {
    this.#way.tell({ op: 'hangup' })
    this.#way.gone()
  }

  close(): void {
    this.wire.close()
    this.#way.gone()
  }

  orphaned(): void {
    this.wire.write(this.#farewell)
    this.close()
  }
}
