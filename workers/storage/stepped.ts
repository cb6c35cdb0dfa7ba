// A decompressor of our own as a stream: however much a few bytes become (a bomb), no more is made than its reader takes.

import { Transform } from 'node:stream'
import type { TransformCallback } from 'node:stream'
import { messageOf } from '../../runtime/errors.ts'

/** Work in steps: it yields what comes out, in pieces, and undefined where it needs more input. */
export type Steps<T> = Generator<Uint8Array | undefined, T, void>

export interface SteppedWork {
  /** More input; what came before has been used up, or kept. */
  feed(bytes: Uint8Array): void
  readonly steps: Steps<void>
  /** Why the input may not end here. */
  unfinished(): string | undefined
}

/** Its error says what is broken. */
export class Stepped extends Transform {
  readonly #work: SteppedWork
  /** To be called when the input at hand is used up. */
  #done: TransformCallback | undefined
  #going = false
  /** The reader has asked for more in the middle of a step. */
  #asked = false

  constructor(work: SteppedWork) {
    super()
    this.#work = work
  }

  override _transform(bytes: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#work.feed(bytes)
    this.#done = done
    this.#go()
  }

  override _read(size: number): void {
    if (this.#going) {
      this.#asked = true
      return
    }
    if (this.#done !== undefined) this.#go()
    // Nothing has come of it: more input is needed for what was asked.
    if (this.#done === undefined) super._read(size)
  }

  override _flush(done: TransformCallback): void {
    const why = this.#work.unfinished()
    done(why === undefined ? null : new Error(why))
  }

  #go(): void {
    this.#going = true
    let failure: Error | null = null
    try {
      if (!this.#pushAll()) return
    } catch (error) {
      failure = error instanceof Error ? error : new Error(messageOf(error))
    } finally {
      this.#going = false
    }
    const done = this.#done!
    this.#done = undefined
    done(failure)
  }

  /** Whether the input at hand is used up; the rest is for when the reader asks for it. */
  #pushAll(): boolean {
    for (let step = this.#work.steps.next(); step.value !== undefined; step = this.#work.steps.next()) {
      this.#asked = false
      if (step.value.length > 0 && !this.push(step.value) && !this.#asked) return false
    }
    return true
  }
}
