// STORE, UID STORE. RFC 3501 §6.4.6.
// The client hears the flags of every message it named, changed or not; with .SILENT only what others did meanwhile.

import type { FlagSet } from '../../../user/types.ts'
import { Flag } from '../../../user/types.ts'
import { RequiresSync, UsesSequences, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import type { Parser } from '../grammar.ts'
import { No } from '../result.ts'
import { mustBeWritable } from '../writable.ts'

/** store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag))) */
function change(p: Parser): { mode: 'add' | 'remove' | 'replace'; silent: boolean; flags: FlagSet } {
  const mode = p.take('+') ? 'add' : p.take('-') ? 'remove' : 'replace'
  p.expect('FLAGS')
  const silent = p.take('.SILENT')
  return { mode, silent, flags: p.sp().flags() }
}

/** Tells the flags of those of `uids` that are still there. */
async function tell(uids: readonly number[], s: ImapSession): Promise<void> {
  const { view, mailbox } = s.selected
  for (const uid of uids) {
    const row = mailbox.messages.rowOf(uid)
    const seq = view.seqOf(uid)
    if (row >= 0 && seq > 0) s.sendMessageFlags(seq, uid, row)
    const slow = s.flush()
    if (slow !== undefined) await slow
  }
}

export default command({
  name: 'STORE', uid: true, states: ['selected'], flags: UsesSequences | RequiresSync,
  parse: (p) => ({ set: p.sp().sequenceSet(), ...change(p.sp()) }),
  log: ({ set, mode, silent }) => `${set.toString()} ${mode}${silent ? ' silently' : ''}`,
  async run({ set, mode, silent, flags }, s) {
    const { mailbox, view } = s.selected
    const uids = view.resolve(set, s.running.uid)
    mustBeWritable(s.selected)
    if (uids.length === 0) return ok('Store completed.')
    const gone = uids.filter((uid) => mailbox.messages.rowOf(uid) < 0).length
    const { changed } = await mailbox.store(s.context('imap:cmd_store'), uids, { mode, flags, by: view })
    if (mode !== 'remove' && (flags.system & Flag.Deleted) !== 0) s.counters.deleted += changed.length
    s.sync()
    if (!silent) await tell(uids, s)
    if (gone === uids.length && !s.running.uid) throw new No('EXPUNGEISSUED', 'Some of the requested messages no longer exist.')
    return ok('Store completed.')
  },
})
