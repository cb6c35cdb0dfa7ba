// The recent updates of a mailbox, for its views: a bounded window over an ever growing sequence.

import type { Cancel } from '../../runtime/effects.ts'
import { Bug } from '../../runtime/errors.ts'
import type { Update, UpdateLog } from './types.ts'

export class Updates implements UpdateLog {
  /** Position p is kept at index p % capacity. */
  readonly #kept: Update[] = []
  readonly #capacity: number
  readonly #listeners = new Set<() => void>()
  #end = 0

  constructor(capacity: number) { this.#capacity = capacity }

  get end(): number { return this.#end }
  get start(): number { return Math.max(0, this.#end - this.#capacity) }

  at(position: number): Update {
    if (position < this.start || position >= this.#end) throw new Bug(`update ${position} is not kept (${this.start} to ${this.#end})`)
    return this.#kept[position % this.#capacity]!
  }

  subscribe(listener: () => void): Cancel {
    // A function of its own, so that one listener may subscribe twice.
    const entry = () => listener()
    this.#listeners.add(entry)
    return () => { this.#listeners.delete(entry) }
  }

  publish(update: Update): void {
    this.#kept[this.#end % this.#capacity] = update
    this.#end++
    for (const listener of this.#listeners) listener()
  }
}
