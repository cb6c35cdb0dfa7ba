// Lets so many connections in at a time; the others wait in their order, unheard and ungreeted, as in a listen queue.

import type { Receiver } from './socket-wire.ts'

/** What a waiting connection can be told: to be silent, to go. */
export interface WaitingWire { pause(): void; resume(): void; destroy(): void; feed(receiver: Receiver): void }

export class Turnstile {
  #inside = 0
  readonly #waiting = new Map<WaitingWire, () => void>()

  get waiting(): number { return this.#waiting.size }

  /** Calls `begin` now, or when another one has left; a client that goes before is forgotten. `most`: 0 for no bound. */
  enter(most: number, wire: WaitingWire, begin: () => void): void {
    if (most === 0 || this.#inside < most) return this.#letIn(begin)
    wire.pause()
    this.#waiting.set(wire, begin)
    const gone = (): void => { this.#waiting.delete(wire) }
    wire.feed({ input() {}, end: () => { gone(); wire.destroy() }, hangup: gone })
  }

  /** One has left. */
  leave(): void {
    this.#inside--
    const [first] = this.#waiting
    if (first === undefined) return
    const [wire, begin] = first
    this.#waiting.delete(wire)
    this.#letIn(begin)
    wire.resume()
  }

  /** Sends away all who wait. */
  close(): void {
    for (const wire of this.#waiting.keys()) wire.destroy()
    this.#waiting.clear()
  }

  #letIn(begin: () => void): void {
    this.#inside++
    begin()
  }
}
