// The actors of one kind that live on this thread, by key. An actor is opened by whoever needs it first, shared by all who
// need it meanwhile, and never open twice: who asks while it is closing waits for that end, good or bad, and opens it anew.

import type { Actor } from './actor.ts'
import type { Clock } from './effects.ts'
import { TempFail } from './errors.ts'
import { Mailbox } from './mailbox.ts'

interface Entry<A> {
  actor: Promise<A>
  /** Once it is open. */
  opened?: A
  mailbox?: Mailbox<never, unknown>
  /** Present: it is on its way out; settles when it is gone. */
  closing?: Promise<void>
}

export class Registry<A extends Actor<any>> {
  readonly #entries = new Map<string, Entry<A>>()
  readonly #clock: Clock
  #stopping = false

  constructor(clock: Clock) { this.#clock = clock }

  get size(): number { return this.#entries.size }

  /** The actor of `key` if it is open, and stays so. */
  opened(key: string): A | undefined {
    const entry = this.#stopping ? undefined : this.#entries.get(key)
    return entry?.closing === undefined ? entry?.opened : undefined
  }

  /** The actor of `key`, opened by `open` when it is not there. Rejects as `open` does; the next caller then tries anew. */
  async get(key: string, open: () => Promise<A>): Promise<A> {
    for (;;) {
      if (this.#stopping) throw new TempFail('the server is shutting down')
      const known = this.#entries.get(key)
      if (known === undefined) break
      if (known.closing === undefined) return known.actor
      await known.closing.catch(() => {}) // told to whoever closed it
    }
    const entry: Entry<A> = { actor: open() }
    this.#entries.set(key, entry)
    try {
      return entry.opened = await entry.actor
    } catch (error) {
      this.#forget(key, entry)
      throw error
    }
  }

  /** Sends a message through the actor's bounded mailbox, opening the actor when needed. */
  async send<Answer>(key: string, open: () => Promise<A>, message: unknown): Promise<Answer> {
    const actor = this.opened(key) ?? await this.get(key, open)
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.closing !== undefined) return this.send(key, open, message)
    entry.mailbox ??= new Mailbox<never, unknown>(actor, this.#clock)
    return await entry.mailbox.send(message as never) as Answer
  }

  /** Stops and forgets one actor. Whoever asks for it meanwhile waits. */
  close(key: string, deadlineMs: number): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry === undefined) return Promise.resolve()
    entry.closing ??= entry.actor
      .then((actor) => actor.stop(deadlineMs))
      .finally(() => { this.#forget(key, entry) })
    return entry.closing
  }

  /** Stops all of them, and opens none any more. Rejects with the first failure when every one has been tried. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true
    const results = await Promise.allSettled([...this.#entries.keys()].map((key) => this.close(key, deadlineMs)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #forget(key: string, entry: Entry<A>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
  }
}
