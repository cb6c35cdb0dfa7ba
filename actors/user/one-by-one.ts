// Actions that come one after the other. One in the background may be given the signal to hurry: it is aborted when somebody
// begins to wait behind it.

export class OneByOne {
  #last: Promise<unknown> = Promise.resolve()
  #hurry = new AbortController()

  /** For what is done in the background from now on. */
  get hurry(): AbortSignal { return this.#hurry.signal }

  /** Somebody waits. */
  hurryUp(): void {
    this.#hurry.abort()
    this.#hurry = new AbortController()
  }

  /** Runs `action` when all before it have ended, whatever became of them. Settles as it does. */
  run<T>(action: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(action)
    this.#last = mine.catch(() => {})
    return mine
  }

  /** Resolves when all that was asked for so far has ended. */
  async settled(): Promise<void> { await this.#last }
}
