// Answers that wait for their time: who guesses hears later. When the server stops, nobody waits.

import type { Effects } from '../../runtime/effects.ts'

export class Waits {
  readonly #clock: Effects['clock']
  readonly #timers: Effects['timers']
  readonly #releases = new Set<() => void>()
  #over = false

  constructor({ clock, timers }: Pick<Effects, 'clock' | 'timers'>) {
    this.#clock = clock
    this.#timers = timers
  }

  /** Settles when the clock has reached `monotonicMs`, or nobody is to wait any more. */
  until(monotonicMs: number): Promise<void> {
    const wait = monotonicMs - this.#clock.monotonic()
    if (wait <= 0 || this.#over) return Promise.resolve()
    return new Promise((resolve) => {
      const release = (): void => {
        cancel()
        this.#releases.delete(release)
        resolve()
      }
      const cancel = this.#timers.after(wait, release)
      this.#releases.add(release)
    })
  }

  /** Lets all go, and keeps nobody any more. */
  release(): void {
    this.#over = true
    for (const release of [...this.#releases]) release()
  }
}
