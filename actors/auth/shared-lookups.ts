// One look-up for all who ask for the same at the same time: a phone that opens four connections, a mail to a list.

import { messageOf } from '../../runtime/errors.ts'
import type { LookupResult, LookupTask, RunLookup } from './lookup.ts'

export class SharedLookups {
  readonly #runLookup: RunLookup
  readonly #inFlight = new Map<string, Promise<LookupResult>>()

  constructor(runLookup: RunLookup) {
    this.#runLookup = runLookup
  }

  /** Look-ups that run now. */
  get running(): number { return this.#inFlight.size }

  run(task: LookupTask): Promise<LookupResult> {
    // Only while it runs: nothing is remembered, and a key with a password in it goes when its answer comes.
    const key = JSON.stringify(task)
    const running = this.#inFlight.get(key)
    if (running !== undefined) return running
    const lookup = this.#ask(task).finally(() => this.#inFlight.delete(key))
    this.#inFlight.set(key, lookup)
    return lookup
  }

  async #ask(task: LookupTask): Promise<LookupResult> {
    try {
      return await this.#runLookup(task)
    } catch (error) {
      return { status: 'temporary', fields: {}, reason: messageOf(error) }
    }
  }
}
