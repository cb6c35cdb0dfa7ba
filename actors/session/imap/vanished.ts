// VANISHED (EARLIER): what went while the client was away. RFC 7162 §3.2.5, §3.2.6, §3.2.10.
// Where the mailbox no longer remembers so far back, every UID counts that the client may know and that is not there.

import type { ImapSession } from './command.ts'
import { limits } from '../../../runtime/limits.ts'
import { SequenceSet } from './sequence-set.ts'
import type { NumberRange } from './sequence-set.ts'
import { common, without } from './uid-ranges.ts'
import type { View } from './view.ts'

/** Those of `known` (UIDs) that have vanished since `modseq`. `intact`: up to this UID the client misses none. */
export function vanishedOf(known: readonly NumberRange[], modseq: number, view: View, intact = 0): NumberRange[] {
  const { mailbox } = view
  const gone = mailbox.vanishedSince(modseq) ?? [{ first: intact + 1, last: mailbox.uidNext - 1 }]
  // What the view still has is told as VANISHED without EARLIER, when it may be.
  return without(common(known, gone), view.list)
}

/** Sends them, in several responses where they are many. */
export async function sendVanished(ranges: readonly NumberRange[], s: ImapSession): Promise<void> {
  for (let at = 0; at < ranges.length; at += limits.vanishedRanges) {
    s.send(`VANISHED (EARLIER) ${new SequenceSet(ranges.slice(at, at + limits.vanishedRanges)).toString()}`)
    await s.flush()
  }
}
