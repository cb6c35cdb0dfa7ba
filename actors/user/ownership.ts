// What a mailbox has to ask about the user's owner (manifest.ts); the root answers.

import type { RequestContext } from '../../runtime/effects.ts'
import type { Loss } from './boots.ts'
import type { Look } from './root-changes.ts'

export interface Ownership {
  /** Grows each time the user is taken; names of bundles and modseqs go by it. */
  readonly epoch: number
  /** The epoch in which this backend took the user: bundles of no earlier one are its own. */
  readonly taken: number
  /** To be awaited before anything is written into the store or deleted there. TempFail; LostUser: another backend has the user. */
  certain(context: RequestContext): Promise<void>
  /** To be awaited after a bundle is written and before anything rests on it. TempFail; LostUser: another backend has the user. */
  confirm(context: RequestContext): Promise<void>
  /** Begins to ask whose the user is, if that was last known more than half a lease ago: so that `held` need not wait. */
  foresee(): void
  /** To be awaited after a mail object is written and before it is acknowledged, and before one is deleted (lease.ts). TempFail; LostUser. */
  held(): Promise<void>
  /** To be awaited before a mailbox's local state is made from the store: after it, `epoch` is one in which that never happened before. */
  rebuilding(context: RequestContext, mailbox: string): Promise<void>
  /**
   * To be awaited where bundles of these names are known: after it, `epoch` is none before theirs. (The manifest that counted was lost, or
   * an older one was put back: what is uploaded from now on has to sort behind what is there.) TempFail; LostUser.
   */
  outgrow(context: RequestContext, bundles: Iterable<string>): Promise<void>
  /** Of a mailbox that was handed over, the bundle that has everything ('': there is nothing): no listing is needed. */
  handed(mailbox: string): string | undefined
  /** UIDs of the mailbox below may have been given out, as the manifest says: whatever becomes of its bundles. */
  uidCeiling(mailbox: string): number
  /** To be awaited before UIDs up to `needed` (not included) are given out. TempFail; LostUser. */
  allowUids(context: RequestContext, mailbox: string, needed: number): Promise<void>
  /** For how long yet what a former owner had on the wire may come in: what is listed before is to be listed once more. */
  readonly unsettledMs: number
  /** The mailbox is to be listed once more (second-look.ts), and is remembered until `looked`. */
  lookLater(look: Look): Promise<void>
  /** What is to be looked for there. */
  looking(mailbox: string): Look | undefined
  /** It is done; what was `now` is done once more when nothing can come late any more. */
  looked(mailbox: string): Promise<void>
  /** To be awaited before a mailbox's journal is written: after it, what a loss of power can take is known. undefined: it is already. TempFail. */
  touch(mailbox: string): Promise<void> | undefined
  /** What the machine may have lost of the mailbox's local files when it was started anew (boots.ts). */
  doubt(mailbox: string): Loss | undefined
  /** They are known to be whole, or have been made so. */
  trust(mailbox: string): Promise<void>
  /** Names of what other backends have left behind of a mailbox (orphan.ts). */
  orphans(mailbox: string): string[]
  /** They are merged, and the result is in the store. */
  merged(context: RequestContext, mailbox: string, names: readonly string[]): Promise<void>
}
