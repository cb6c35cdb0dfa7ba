// Lists a mailbox once more. What was listed when a user was taken is not the last word: a former owner may have had writes
// and deletions on the wire when it died, or have acknowledged mails until its lease ended (lease.ts) and then lost its disk.
//
// - Objects that have come since come in, under new UIDs: some were acknowledged, and of the others nobody knows.
// - Rows whose objects are gone were expunged by the former owner, or never acknowledged: they are expunged. A listing alone
//   proves nothing: each is asked for first.
// - What is found has new UIDs until it is in the store: it is uploaded before the second look is over. One that could not
//   be finished is taken again.
//
// The same, at once, finds the mails of a journal that had to be cut (mailbox-load.ts): these keep their UIDs.

import type { Cancel, Effects, ObjectInfo, RequestContext } from '../../runtime/effects.ts'
import { messageOf } from '../../runtime/errors.ts'
import { inParallel } from '../../runtime/parallel.ts'
import { addRows } from './adopt-rows.ts'
import type { LoadedMailbox } from './mailbox.ts'
import type { AppendedRow } from './mailbox-records.ts'
import { ownRow } from './mailbox-rebuild.ts'
import type { MailboxState } from './mailbox-state.ts'
import { parseOid } from './object-names.ts'
import { isThere } from './object-presence.ts'
import type { Look } from './root-changes.ts'

/** Takes the second look that is due, if one is. TempFail: it stays due. */
export async function lookAgain(mailbox: LoadedMailbox, context: RequestContext): Promise<void> {
  const { world, guid } = mailbox
  const look = world.ownership.looking(guid)
  if (look === undefined) return
  const { mails } = await world.obox.list(context, guid)
  if (await lookFor(mailbox, context, mails, look)) await mailbox.uploads.flush()
  await world.ownership.looked(guid)
}

/** Looks for what `look` says among the mails that were listed. Answers whether anything has changed. `unseen`: nobody has been told anything of the mailbox yet. */
export async function lookFor(mailbox: LoadedMailbox, context: RequestContext, mails: ReadonlyMap<string, ObjectInfo>, look: Look, unseen = false): Promise<boolean> {
  const { state, world, name } = mailbox
  const { lastSeen } = state
  const came = newcomers(state, mails, look)
  const own = unseen ? came.filter(({ uid }) => uid > lastSeen) : []
  const there = await inParallel(own, world.limits.rebuildRequests, ({ oid }) => isThere(mailbox, context, oid))
  const kept = own.filter((_, at) => there[at])
  if (kept.length > 0) await mailbox.commit({ kind: 'append', rows: kept }, { durable: true })
  const added = await addRows(mailbox, context, came.filter((row) => !unseen || row.uid <= lastSeen))
  const gone = await dropRows(mailbox, context, missingUids(state, mails, look.before))
  const found = added + kept.length
  if (found + gone === 0) return false
  world.effects.emit({
    level: 'info', name: 'obox.second_look', user: world.user, text: `${name}: ${found} mails found by a second listing, ${gone} without an object expunged`,
    values: { mails_new: found, expunged: gone },
  })
  return true
}

/** Expunges those of `uids` whose objects are gone. Answers how many. */
export async function dropRows(mailbox: LoadedMailbox, context: RequestContext, uids: readonly number[]): Promise<number> {
  const { state, world } = mailbox
  const there = await inParallel(uids, world.limits.rebuildRequests, async (uid) => {
    const row = state.columns.rowOf(uid)
    return row < 0 || isThere(mailbox, context, state.oidOf(row))
  })
  const gone = mailbox.existing(uids.filter((_, at) => !there[at]))
  if (gone.length > 0) await mailbox.commit({ kind: 'expunge', uids: gone }, { durable: true })
  mailbox.sweeper.wake()
  return gone.length
}

/** Objects of the UIDs that may still come, and of which the mailbox knows nothing; ascending. */
function newcomers(state: MailboxState, mails: ReadonlyMap<string, ObjectInfo>, { uids }: Look): AppendedRow[] {
  const rows: AppendedRow[] = []
  const named = new Set(state.names.values())
  for (const [oid, object] of mails) {
    const name = parseOid(oid)
    if (name === undefined || name === 'foreign' || !uids.some(([first, last]) => first <= name.uid && name.uid <= last)) continue
    const row = state.columns.rowOf(name.uid)
    if (named.has(oid) || state.garbage.has(oid) || (row >= 0 && state.oidOf(row) === oid)) continue
    rows.push({ ...ownRow(oid, object, name.uid), oid })
  }
  return rows.sort((a, b) => a.uid - b.uid)
}

/** UIDs of the rows below `before` that were not listed. */
export function missingUids(state: MailboxState, mails: ReadonlyMap<string, ObjectInfo>, before: number): number[] {
  const missing: number[] = []
  const { columns } = state
  for (let row = 0; row < columns.count && columns.uids[row]! < before; row++) if (!mails.has(state.oidOf(row))) missing.push(columns.uids[row]!)
  return missing
}

export interface LooksOwner {
  readonly effects: Effects
  readonly user: string
  /** What has failed is tried again after this (ms). */
  readonly againMs: number
  /** Mailboxes that are to be listed once more, and in how many milliseconds that has a meaning. */
  pending(): { guids: string[]; afterMs: number }
  look(guid: string): Promise<void>
}

/** Sees to it that the second looks of a user are taken when their time has come. */
export class SecondLooks {
  readonly #owner: LooksOwner
  #timer: Cancel | undefined
  #stopped = false

  constructor(owner: LooksOwner) {
    this.#owner = owner
    this.schedule()
  }

  schedule(): void {
    if (this.#timer !== undefined || this.#stopped) return
    const { guids, afterMs } = this.#owner.pending()
    if (guids.length > 0) this.#timer = this.#owner.effects.timers.after(afterMs, () => { void this.#look() })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.()
  }

  async #look(): Promise<void> {
    const { effects, user, againMs } = this.#owner
    let failed = false
    for (const guid of this.#owner.pending().guids) {
      try {
        if (!this.#stopped) await this.#owner.look(guid)
      } catch (error) {
        failed = true
        if (!this.#stopped) effects.emit({ level: 'warning', name: 'obox.second_look_failed', user, text: `A mailbox of ${user} is not listed once more yet: ${messageOf(error)}` })
      }
    }
    this.#timer = undefined
    if (!failed) return this.schedule()
    if (!this.#stopped) this.#timer = effects.timers.after(againMs, () => { void this.#look() })
  }
}
