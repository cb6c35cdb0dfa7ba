// What sorting and threading a whole mailbox has given, kept for the next who asks: webmail asks again for every page, each
// time in a session of its own. A kept result is a few bytes a message and goes keptMs after it was last used.
//
// Keys never change: a message's fields are what they are. So an order stays right whatever is expunged or flagged, and
// ends with the first new message.

import type { Cancel, Timers } from '../../../runtime/effects.ts'
import { limits } from '../../../runtime/limits.ts'
import type { Mailbox } from '../../user/types.ts'

interface Kept<Result> { result: Result; forget: Cancel }

export class KeptResults<Result> {
  /** By mailbox and by what was asked. Mailboxes that are no longer loaded take theirs with them. */
  readonly #kept = new WeakMap<Mailbox, Map<string, Kept<Result>>>()

  get(mailbox: Mailbox, question: string, timers: Timers): Result | undefined {
    const found = this.#kept.get(mailbox)?.get(question)
    if (found === undefined) return undefined
    this.put(mailbox, question, found.result, timers)
    return found.result
  }

  put(mailbox: Mailbox, question: string, result: Result, timers: Timers): void {
    const results = this.#kept.get(mailbox) ?? new Map<string, Kept<Result>>()
    this.#kept.set(mailbox, results)
    results.get(question)?.forget()
    results.delete(question)
    const forget = timers.after(limits.keptResultMs, () => { results.delete(question) })
    results.set(question, { result, forget })
    const [oldest, kept] = results.entries().next().value!
    if (results.size <= limits.keptResults) return
    kept.forget()
    results.delete(oldest)
  }
}
