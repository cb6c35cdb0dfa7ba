// Long work of one session in turns, so that the other sessions of the thread are not kept waiting.

import type { Effects } from '../../../runtime/effects.ts'
import { limits } from '../../../runtime/limits.ts'

/** One command's use of the thread. Ask `over` every now and then (it reads a clock), and `rest` when it is. */
export class Turn {
  readonly #effects: Effects
  #began: number

  constructor(effects: Effects) {
    this.#effects = effects
    this.#began = effects.clock.monotonic()
  }

  /** The turn has lasted limits.turnMs. */
  get over(): boolean { return this.#effects.clock.monotonic() - this.#began >= limits.turnMs }

  /** Takes all steps of some work, in as many turns as that needs. */
  async run<Result>(steps: Generator<undefined, Result>): Promise<Result> {
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
      if (this.over) await this.rest()
    }
  }

  /** Lets everybody else have theirs. */
  async rest(): Promise<void> {
    await new Promise<void>((resolve) => { this.#effects.timers.after(0, resolve) })
    this.#began = this.#effects.clock.monotonic()
  }
}
