// What a user does without being asked: it uploads what a crash has left, looks again where mails may come late, merges what
// other backends have left behind, deletes what deleted mailboxes have left, and compares its mailboxes with a store that is
// not to be trusted. A failure is told, or made up for at the next opening; nobody waits for any of it.

import type { Cancel, RequestContext } from '../../runtime/effects.ts'
import { messageOf } from '../../runtime/errors.ts'
import { Erasures } from './erasures.ts'
import type { MailboxFolders } from './folders.ts'
import type { MailboxWorld } from './mailbox.ts'
import { SecondLooks } from './second-look.ts'
import type { Shelf } from './shelf.ts'
import { verifyUser } from './verify.ts'

export interface UpkeepParts {
  world: MailboxWorld
  folders: MailboxFolders
  shelf: Shelf
  /** Runs a call of the user's; refuses it when the user is ending. */
  run<T>(call: () => Promise<T>): Promise<T>
  /** Counts in what runs anyway, until it has settled. */
  count<T>(call: Promise<T>): Promise<T>
  /** The user is ending: failures tell nothing. */
  ending(): boolean
}

export class Upkeep {
  readonly #parts: UpkeepParts
  readonly #looks: SecondLooks
  readonly #erasures: Erasures
  readonly #wakeTimer: Cancel
  #verifyTimer: Cancel | undefined

  constructor(parts: UpkeepParts) {
    const { world: { effects, policy, limits, user }, folders, shelf, count } = parts
    this.#parts = parts
    this.#looks = new SecondLooks({
      effects, user, againMs: policy.uploadIntervalMs,
      pending: () => folders.looks, look: (guid) => this.#lookAgain(guid),
    })
    this.#erasures = new Erasures({
      effects, limits, user,
      get deleting() { return folders.deleting },
      get erased() { return folders.erased },
      erase: (guid) => count(shelf.drop(guid, 'The mailbox was deleted').then(() => folders.erase(guid))),
    })
    // What a crash has left of mailboxes that nobody opens goes up no later than other changes.
    this.#wakeTimer = effects.timers.after(policy.uploadIntervalMs, () => {
      parts.run(() => this.wakeUncertain(this.#context('metacache:upload_mailbox'))).catch(() => {})
    })
  }

  /** Nothing begins by itself any more. */
  stop(): void {
    this.#wakeTimer()
    this.#verifyTimer?.()
    this.#looks.stop()
    this.#erasures.stop()
  }

  /** A mailbox is to be listed once more: it will be. */
  lookLater(): void { this.#looks.schedule() }

  /** Mailboxes that a crash has left, or that could not be uploaded when they were closed, get (another) chance; one that cannot be loaded keeps its journal. */
  async wakeUncertain(context: RequestContext): Promise<void> {
    const { folders, shelf } = this.#parts
    for (const guid of await folders.uncertain()) await shelf.within(context, guid, () => {}).catch(() => {})
  }

  /** Begins to merge what other backends have left behind. What cannot be merged now is when its mailbox is opened next. */
  mergeOrphans(): void {
    const { folders, shelf, run, world: { user } } = this.#parts
    run(async () => {
      const context = this.#context('metacache:merge')
      await folders.mergeOrphans(context)
      for (const guid of folders.orphaned) await shelf.within(context, guid, (mailbox) => mailbox.mergeOrphans(context))
    }).catch((error: unknown) => { this.#warn('metacache.merge_failed', `What another backend has left of ${user} is not merged yet: ${messageOf(error)}`) })
  }

  /** Compares every mailbox with the store, when nothing comes in any more of what another backend has acknowledged meanwhile. */
  verifyLater(afterMs = this.#parts.world.limits.secondLookMs): void {
    const { world, folders, shelf, run, ending } = this.#parts
    this.#verifyTimer?.()
    this.#verifyTimer = world.effects.timers.after(afterMs, () => {
      run(async () => {
        await verifyUser({ world, folders, shelf }, { fix: true, keep: true })
        await folders.verified()
      }).catch((error: unknown) => {
        if (ending()) return
        this.#warn('obox.verify_failed', `Mailboxes of ${world.user} are not compared with the store yet: ${messageOf(error)}`)
        this.verifyLater(world.policy.uploadIntervalMs)
      })
    })
  }

  /** Begins to delete what a deleted mailbox has left behind. */
  erase(guid: string): void { void this.#erasures.begin(guid) }

  async #lookAgain(guid: string): Promise<void> {
    await this.#parts.run(async () => {
      const context = this.#context('obox:second_look')
      await this.#parts.shelf.within(context, guid, (mailbox) => mailbox.lookAgain(context))
    })
  }

  #context(reason: string): RequestContext { return { user: this.#parts.world.user, reason } }

  #warn(name: string, text: string): void {
    const { effects, user } = this.#parts.world
    effects.emit({ level: 'warning', name, user, text })
  }
}
