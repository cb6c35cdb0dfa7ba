// Deletes what deleted mailboxes have left in the store, each twice: at once, and when nothing comes in any more. What a listing did
// not know yet, or what was on the wire, would lie there for ever, and bring the mailbox back: as one whose name was lost, or by a
// backend that still has it in its list (salvage.ts).
//
// The second time is limits.secondLookMs after the first. Where the user is closed before, it is when the user is opened for so
// long, or a day later: by then clocks have no say in it.

import type { Cancel, Effects } from '../../runtime/effects.ts'
import { messageOf } from '../../runtime/errors.ts'
import type { Limits } from '../../runtime/limits.ts'

export interface ErasuresOwner {
  readonly effects: Effects
  readonly limits: Limits
  readonly user: string
  /** GUIDs of deleted mailboxes, and (by those of them whose objects were deleted once) when that was (UNIX ms). */
  readonly deleting: ReadonlySet<string>
  readonly erased: ReadonlyMap<string, number>
  /** Deletes what is there. */
  erase(guid: string): Promise<void>
}

export class Erasures {
  readonly #owner: ErasuresOwner
  readonly #timers = new Map<string, Cancel>()
  #stopped = false

  constructor(owner: ErasuresOwner) {
    this.#owner = owner
    const { effects: { clock }, limits } = owner
    for (const guid of owner.deleting) {
      const at = owner.erased.get(guid)
      if (at === undefined || clock.now() - at >= limits.eraseAgainMs) void this.begin(guid)
      else this.#later(guid)
    }
  }

  /** Deletes what the mailbox has left now. A failure is made up for at the next opening. */
  async begin(guid: string): Promise<void> {
    const { effects, user, erase } = this.#owner
    try {
      await erase(guid)
      if (this.#owner.deleting.has(guid)) this.#later(guid)
    } catch (error) {
      effects.emit({ level: 'warning', name: 'obox.delete_failed', user, text: `Objects of deleted mailbox ${guid} are not deleted yet: ${messageOf(error)}` })
    }
  }

  stop(): void {
    this.#stopped = true
    for (const cancel of this.#timers.values()) cancel()
  }

  #later(guid: string): void {
    if (this.#stopped || this.#timers.has(guid)) return
    const { effects, limits } = this.#owner
    this.#timers.set(guid, effects.timers.after(limits.secondLookMs, () => {
      this.#timers.delete(guid)
      void this.begin(guid)
    }))
  }
}
