// EXPUNGE, RFC 3501 §6.4.3; UID EXPUNGE, RFC 4315 §2.1. The view tells what has gone before the tagged reply.

import { BreaksSequences, command, ok } from '../command.ts'
import { deletedUids } from '../deleted.ts'
import { mustBeWritable } from '../writable.ts'

export default command({
  name: 'EXPUNGE', uid: true, capability: 'UIDPLUS', states: ['selected'], flags: BreaksSequences,
  parse: (p, uid) => (uid ? p.sp().sequenceSet() : undefined),
  log: (set) => set?.toString() ?? '',
  async run(set, s) {
    mustBeWritable(s.selected)
    const { mailbox, view } = s.selected
    const wanted = set === undefined ? undefined : new Set(view.resolve(set, true))
    const uids = deletedUids(mailbox.messages).filter((uid) => wanted?.has(uid) ?? true)
    if (uids.length > 0) s.counters.expunged += (await mailbox.expunge(s.context('imap:cmd_expunge'), uids)).length
    return ok('Expunge completed.')
  },
})
