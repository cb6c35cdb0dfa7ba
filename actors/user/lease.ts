// For how long a backend may act as a user's owner without asking. Whoever takes a user lists its objects, and lists them once
// more when the lease of the one before it must have ended (second-look.ts): so what is acknowledged within a lease is found.
//
// A lease runs from the moment at which a request began whose answer said that the user is ours (by the clock that never jumps).

import type { Clock } from '../../runtime/effects.ts'

export class Lease {
  readonly #clock: Clock
  readonly #ms: number
  readonly #ask: () => Promise<void>
  /** When the last question began that was answered well. */
  #since: number
  #asking: Promise<void> | undefined

  /** `ask` settles as the answer does: an error if the user is not ours, or nobody can tell. `since`: it was ours then. */
  constructor(clock: Clock, ms: number, since: number, ask: () => Promise<void>) {
    this.#clock = clock
    this.#ms = ms
    this.#since = since
    this.#ask = ask
  }

  /** A request that began then has shown that the user is ours. */
  renewed(since: number): void { this.#since = Math.max(this.#since, since) }

  /** Milliseconds since it was last shown. */
  get age(): number { return this.#clock.monotonic() - this.#since }

  /** Begins to ask if it was last shown longer ago. What comes of it is heard by who waits in `held`, and by `ask` itself. */
  foresee(afterMs = this.#ms / 2): void { if (this.age > afterMs) this.#askOnce().catch(() => {}) }

  /** Resolves when the lease runs, or an answer has shown that the user was ours after this was called. Rejects as `ask` does. */
  async held(): Promise<void> {
    if (this.age > this.#ms) await this.#asking?.catch(() => {})
    if (this.age > this.#ms) await this.#askOnce()
  }

  #askOnce(): Promise<void> {
    this.#asking ??= this.#question().finally(() => { this.#asking = undefined })
    return this.#asking
  }

  async #question(): Promise<void> {
    const since = this.#clock.monotonic()
    await this.#ask()
    this.renewed(since)
  }
}
