// Bytes on their way out of a session, gathered for one turn of the event loop, so that the many small writes of a reply
// (and of the replies to pipelined commands) leave as one packet or one message. Latin-1 strings stay strings until then.

import { Buffer } from 'node:buffer'

/** Has gathered something that is to leave at the end of the turn. */
export interface Flushable { flush(): void }

const due: Flushable[] = []

/** Calls `flush` once all that this turn of the event loop has brought is dealt with: one immediate for all of a thread's. */
export function flushThisTurn(flushable: Flushable): void {
  if (due.push(flushable) === 1) setImmediate(flushAll)
}

/** A wire's flush may have the link to another thread flushed too: that then stands further back in the list. */
function flushAll(): void {
  for (const flushable of due) flushable.flush()
  due.length = 0
}

export class Outgoing {
  #pieces: (Uint8Array | string)[] = []
  #size = 0

  /** Bytes gathered and not taken yet. */
  get size(): number { return this.#size }

  add(piece: Uint8Array | string): void {
    if (piece.length === 0) return
    this.#size += piece.length
    const last = this.#pieces.length - 1
    if (typeof piece === 'string' && typeof this.#pieces[last] === 'string') this.#pieces[last] += piece
    else this.#pieces.push(piece)
  }

  /** Everything, piece by piece; afterwards there is nothing. */
  take(): (Uint8Array | string)[] {
    const pieces = this.#pieces
    this.#pieces = []
    this.#size = 0
    return pieces
  }

  /** Everything in one piece: a string where there are only strings, else a buffer of its own, which can be transferred. */
  takeJoined(): Uint8Array<ArrayBuffer> | string {
    const [only] = this.#pieces
    if (this.#pieces.length === 1 && typeof only === 'string') {
      this.take()
      return only
    }
    const joined = Buffer.allocUnsafeSlow(this.#size)
    let at = 0
    for (const piece of this.take()) {
      if (typeof piece === 'string') at += joined.write(piece, at, 'latin1')
      else {
        joined.set(piece, at)
        at += piece.length
      }
    }
    return new Uint8Array(joined.buffer, 0, at)
  }
}

/** Who waits until enough bytes have gone. */
export class DrainWaiters {
  #waiting: { resolve(): void; reject(error: Error): void }[] | undefined

  get any(): boolean { return this.#waiting !== undefined }

  wait(): Promise<void> { return new Promise((resolve, reject) => { (this.#waiting ??= []).push({ resolve, reject }) }) }

  release(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const one of waiting) one.resolve()
  }

  fail(error: Error): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const one of waiting) one.reject(error)
  }
}
