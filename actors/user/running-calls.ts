// Calls of a user that have not settled: it ends when none runs, and is not idle before.

export class RunningCalls {
  readonly #running = new Set<Promise<unknown>>()
  readonly #ended: () => void

  /** `ended` is called when one has settled. */
  constructor(ended: () => void) { this.#ended = ended }

  get size(): number { return this.#running.size }

  /** Counts a call in until it has settled. It settles as it does. */
  add<T>(call: Promise<T>): Promise<T> {
    this.#running.add(call)
    const ended = (): void => {
      this.#running.delete(call)
      this.#ended()
    }
    call.then(ended, ended)
    return call
  }

  /** Resolves when none runs, nor any that began meanwhile. */
  async settled(): Promise<void> { while (this.#running.size > 0) await Promise.allSettled([...this.#running]) }
}
