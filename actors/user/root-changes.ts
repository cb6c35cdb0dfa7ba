// What happens to a user's root: the changes that lead from one state to the next, and what they are made of. They are written
// as JSON into the root's journal, into its snapshot (those that the manifest lacks) and into what a loser leaves behind.

import type { Boot, Loss } from './boots.ts'
import type { Place } from './namespace.ts'
import type { MailboxStatus } from './types.ts'

/** A name in the root: a mailbox, or (without guid) only a name for children. */
export interface RootEntry {
  place: Place
  guid?: string
  uidValidity: number
  specialUse: string[]
}

/** A mailbox's figures when it was closed, true while its journal still ends at `mark`. */
export interface KeptStatus {
  status: MailboxStatus
  mark: { generation: number; size: number }
  unsaved: boolean
  /** Present: this bundle (or, where it is '', nothing at all) has everything of the mailbox, and no object is to be deleted. */
  bundle?: string
  /** What its local files take of the disk; absent in what was written before this was counted. */
  space?: number
}

/** What another backend has left behind: beside a mailbox's bundles under this name, or ('': the root) here. */
export interface OrphanNote { mailbox: string; name: string; changes?: RootChange[] }

/** A manifest that was replaced by a new owner's. */
export interface Taken { owner: string; epoch: number; writes: number }

/** A mailbox that is to be listed once more (second-look.ts). */
export interface Look {
  guid: string
  /** UIDs whose mails may still come, first and last of each range … */
  uids: readonly (readonly [first: number, last: number])[]
  /** … and rows below this UID may turn out to have no object. */
  before: number
  /** The journal was cut: before anything is told of the mailbox. */
  now?: boolean
}

/** What `look` has that is not known yet; undefined: nothing. */
export function moreThan(known: Look | undefined, look: Look): Look | undefined {
  const uids = look.uids.filter(([first, last]) => first <= last && known?.uids.some(([from, to]) => from <= first && last <= to) !== true)
  const more = known === undefined || uids.length > 0 || look.before > known.before || (look.now === true && known.now !== true)
  return more ? { ...look, uids } : undefined
}

/** What is written at the end of a look: in one record, so that nothing is forgotten in between. `unsettled`: something may come late yet, where it was `now`. */
export const afterLook = (guid: string, look: Look | undefined, unsettled: boolean): RootChange[] =>
  [{ kind: 'looked', guid }, ...(look?.now === true && unsettled ? [{ kind: 'look' as const, look: { ...look, now: false } }] : [])]

export type RootChange =
  | { kind: 'create'; entry: RootEntry }
  /** The mailbox's objects are still to be deleted. */
  | { kind: 'delete'; place: Place }
  /** They were, those that were listed, at this time (UNIX ms): what came late is to be deleted too (erasures.ts) … */
  | { kind: 'erased'; guid: string; at: number }
  /** … and was. */
  | { kind: 'deleted'; guid: string }
  | { kind: 'move'; from: Place; to: Place }
  | { kind: 'subscribe'; place: Place; on: boolean }
  /** Annotations of a mailbox, or ('') of the user: null removes one. RFC 5464. */
  | { kind: 'metadata'; guid: string; entries: readonly (readonly [name: string, value: string | null])[] }
  /** Rights of one identifier on a mailbox; null: its entry goes. RFC 4314. */
  | { kind: 'acl'; guid: string; identifier: string; rights: string | null }
  | { kind: 'status'; guid: string; kept: KeptStatus }
  /** The manifest was written, or found to be ours: it has `covers` of the unsaved changes. */
  | { kind: 'owned'; epoch: number; tag: string; write: string; clean: boolean; covers: number; writes?: number }
  /** Other backends have left these behind … */
  | { kind: 'orphans'; notes: OrphanNote[] }
  /** … and these are merged. */
  | { kind: 'merged'; mailbox: string; names: string[] }
  /** The mailbox's local state was made in this epoch. */
  | { kind: 'built'; guid: string }
  /** Its UIDs below this one may have been given out, whatever becomes of its bundles. */
  | { kind: 'ceiling'; guid: string; uid: number }
  /** The store has forgotten a condition; and nothing is wrong any more. */
  | { kind: 'distrust' } | { kind: 'verified' }
  | { kind: 'look'; look: Look }
  | { kind: 'looked'; guid: string }
  /** The local files are written in another run of the machine from now on (boots.ts) … */
  | { kind: 'boot'; boot: Boot }
  /** … this mailbox's too, and so much of it could be lost … */
  | { kind: 'touched'; guid: string; loss: Loss }
  /** … nothing of it is, after all; */
  | { kind: 'trusted'; guid: string }
  /** these were closed, and their journals end where it was kept that they do. */
  | { kind: 'rested'; guids: string[] }
  /** The manifest's copy has the list as it is. */
  | { kind: 'copied' }
  /** Of root bundles, from before there was a manifest. */
  | { kind: 'uploading'; name: string }
  | { kind: 'uploaded'; name: string; covers: number }
  | { kind: 'removed'; names: string[] }
