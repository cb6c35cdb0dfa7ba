// Accounts of recipients that the auth actor has told a session worker, kept there for as long as they last: most recipients of a
// mail server had another mail not long ago, and a question to another thread costs as much as half of what else is done for RCPT.
//
// Only who is known is kept, never that somebody is not. The least recently used go first.

import type { Clock } from '../../runtime/effects.ts'
import { limits } from '../../runtime/limits.ts'
import type { AuthAnswer, LookupRequest } from '../auth-messages.ts'

interface Known { answer: AuthAnswer; bytes: number; until: number }

/** What an entry takes beside names and fields. */
const entryBytes = 300

export class KnownAccounts {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #mostBytes: number
  /** The least recently used first. */
  readonly #known = new Map<string, Known>()
  #bytes = 0
  /** Changes with `forget`: an answer on its way since before is not kept. */
  #age = 0

  constructor(clock: Pick<Clock, 'monotonic'>, mostBytes: number = limits.knownAccountBytes) {
    this.#clock = clock
    this.#mostBytes = mostBytes
  }

  /** What is known still, or what `ask` answers. Rejects as that does. */
  find(request: LookupRequest, ask: () => Promise<AuthAnswer>): AuthAnswer | Promise<AuthAnswer> {
    const key = keyOf(request)
    const known = this.#known.get(key)
    if (known !== undefined) this.#drop(key, known)
    if (known !== undefined && known.until > this.#clock.monotonic()) {
      this.#add(key, known)
      return known.answer
    }
    return this.#ask(key, ask)
  }

  async #ask(key: string, ask: () => Promise<AuthAnswer>): Promise<AuthAnswer> {
    const age = this.#age
    const answer = await ask()
    if (answer.status === 'ok' && answer.lastsMs !== undefined && age === this.#age) {
      const bytes = entryBytes + 2 * (key.length + JSON.stringify(answer).length)
      this.#add(key, { answer, bytes, until: this.#clock.monotonic() + answer.lastsMs })
    }
    return answer
  }

  /** Nothing is known any more: the databases, or what is made of their answers, have changed. */
  forget(): void {
    this.#age++
    this.#known.clear()
    this.#bytes = 0
  }

  #add(key: string, known: Known): void {
    const before = this.#known.get(key)
    if (before !== undefined) this.#drop(key, before)
    this.#known.set(key, known)
    this.#bytes += known.bytes
    for (const [oldest, entry] of this.#known) {
      if (this.#bytes <= this.#mostBytes) return
      this.#drop(oldest, entry)
    }
  }

  #drop(key: string, { bytes }: Known): void {
    this.#known.delete(key)
    this.#bytes -= bytes
  }
}

/** Everything of a request that may decide its answer. */
const keyOf = ({ service, username, proxy, remote, local, forward }: LookupRequest): string =>
  JSON.stringify([service, username, proxy, remote?.ip, local?.ip, local?.port, forward])
