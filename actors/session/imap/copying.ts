// What COPY and MOVE have in common.

import type { CopyResult } from '../../user/types.ts'
import type { ImapSession } from './command.ts'
import { flagRights } from './rights.ts'
import { tellingProgress } from './progress.ts'
import { No } from './result.ts'
import { SequenceSet } from './sequence-set.ts'

/**
 * The messages a set names, as UIDs. UIDs without a message are no error (RFC 3501 §6.4.8); a sequence number whose message
 * another session has expunged is (RFC 5530 EXPUNGEISSUED), and then nothing is copied.
 */
export function sourceUids(set: SequenceSet, s: ImapSession): number[] {
  const { mailbox, view } = s.selected
  const uids = view.resolve(set, s.running.uid)
  const here = uids.filter((uid) => mailbox.messages.rowOf(uid) >= 0)
  if (!s.running.uid && here.length < uids.length) throw new No('EXPUNGEISSUED', 'Some of the requested messages no longer exist.')
  return here
}

/** Copies or moves those messages, with the flags that the user may set there (RFC 4314 §4). The store copies each by one request: those made are how far it has come. */
export function copyTelling(uids: readonly number[], to: string, { move }: { move: boolean }, s: ImapSession): Promise<CopyResult> {
  const context = s.context(move ? 'imap:cmd_move' : 'imap:cmd_copy')
  return tellingProgress(() => context.cost?.requests ?? 0, uids.length, s, () => s.selected.mailbox.copy(context, uids, to, { move, flags: flagRights(to, s) }))
}

/** COPYUID: the n-th of the one set became the n-th of the other. Nothing where nothing was copied. */
export function copyCode({ uidValidity, sourceUids: from, uids }: CopyResult): string | undefined {
  if (uids.length === 0) return undefined
  return `COPYUID ${uidValidity} ${SequenceSet.of(from).toString()} ${SequenceSet.of(uids).toString()}`
}

/** Counts what has gone to the trash, for the logout line. */
export function countTrashed({ uids }: CopyResult, to: string, s: ImapSession): void {
  if (s.user.find(to)?.specialUse.includes('\\Trash')) s.counters.trashed += uids.length
}
