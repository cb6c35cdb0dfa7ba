// Actions on files: those on the same one come one after the other, whatever became of the one before.

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `action` when all that was asked for before under this name has ended. Settles as it does. */
  take<T>(name: string, action: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve()
    const mine = before.then(action, action)
    const settled = mine.then(() => {}, () => {}).then(() => { if (this.#last.get(name) === settled) this.#last.delete(name) })
    this.#last.set(name, settled)
    return mine
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values())
  }
}
