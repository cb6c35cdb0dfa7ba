// Modseqs of a mailbox of which nobody knows any more what was told last: it is made from its bundles, or its journal may have lost its
// end. Every message gets a later one than any that was told, so that whoever remembers some (CONDSTORE, QRESYNC) fetches all flags anew.
//
// Rule: told modseqs stay below the newest bundle's own + (1 + epochs since that bundle's) · limits.modseqReserve. For each time it is
// done in an epoch of its own (Ownership.rebuilding); once it may have been done after the bundle, in the epoch of the bundle; and
// what changes in between is less than the reserve.

import type { BundleLink } from './bundle-chain.ts'
import type { Columns } from './columns.ts'
import type { UidRange } from './expunge-log.ts'
import type { MailboxWorld } from './mailbox.ts'
import { parseBundleName } from './object-names.ts'

/** What of a mailbox's state this is about. */
interface Numbered { readonly columns: Columns; chain: readonly BundleLink[]; highestModseq: number; readonly nextUid: number }

/** Above all that were told since this bundle, whose highest one is given; '': there is none. */
export function modseqAfter({ ownership, limits }: Pick<MailboxWorld, 'ownership' | 'limits'>, bundle: string, highest: number): number {
  const epoch = parseBundleName(bundle)?.epoch
  // There may have been one; each epoch has had two reserves at most, for the bundle and for what came after it.
  if (epoch === undefined) return highest + (1 + 2 * ownership.epoch) * limits.modseqReserve
  return highest + (1 + Math.max(0, ownership.epoch - epoch)) * limits.modseqReserve
}

/**
 * Modseqs from `first` on for what the bundles had, where rows have so far the number of the bundle that touched them: what a later
 * one of a chain has touched gets a later one, so that the next diff can still be upon any of them.
 */
export function giveModseqs(state: Numbered, first: number): void {
  const { columns } = state
  for (let row = 0; row < columns.count; row++) columns.modseqs[row]! += first
  state.chain = state.chain.map((link) => ({ ...link, modseq: link.modseq + first }))
  // Rows may have changed since the last bundle, too.
  state.highestModseq = first + state.chain.length
}

/** The same for a mailbox that is not as its bundles are. */
export function renewModseqs(state: Numbered, first: number): void {
  const { columns: { modseqs, count }, chain } = state
  for (let row = 0; row < count; row++) modseqs[row] = chain.filter(({ modseq }) => modseq < modseqs[row]!).length
  state.chain = chain.map((link, at) => ({ ...link, modseq: at }))
  giveModseqs(state, first)
}

/** UIDs from `first` on that were, or may have been, given out, and that no message has. Ascending. */
export function* unusedUids({ columns, nextUid }: Numbered, first: number): Generator<UidRange> {
  for (let row = columns.rowFrom(first); row < columns.count; row++) {
    const uid = columns.uids[row]!
    if (uid > first) yield { first, last: uid - 1 }
    first = uid + 1
  }
  if (nextUid > first) yield { first, last: nextUid - 1 }
}
