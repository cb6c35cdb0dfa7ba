// EXPUNGE, RFC 3501 §6.4.3; UID EXPUNGE, RFC 4315 §2.1. The view tells what has gone before the tagged reply; that says up to
// which modseq everything has been told (RFC 7162 §3.2.7).

import { BreaksSequences, ExpectsNews, command, ok } from '../command.ts'
import { deletedUids } from '../deleted.ts'
import { cutShort, newestUids } from '../message-limit.ts'
import { mustHave } from '../rights.ts'
import { mustBeWritable } from '../writable.ts'

export default command({
  name: 'EXPUNGE', uid: true, capability: 'UIDPLUS', states: ['selected'], flags: BreaksSequences | ExpectsNews,
  parse: (p, uid) => (uid ? p.sp().sequenceSet() : undefined),
  log: (set) => set?.toString() ?? '',
  async run(set, s) {
    mustBeWritable(s.selected)
    mustHave('e', s.selected.mailbox.name, s)
    const { mailbox, view } = s.selected
    const wanted = set === undefined ? undefined : new Set(view.resolve(set, true))
    const named = deletedUids(mailbox.messages).filter((uid) => wanted?.has(uid) ?? true)
    const { kept: uids, code } = wanted === undefined ? { kept: named, code: undefined } : newestUids(named, s)
    const expunged = uids.length > 0 ? await mailbox.expunge(s.context('imap:cmd_expunge'), uids) : []
    s.counters.expunged += expunged.length
    if (expunged.length === 0 || !s.enabled.has('CONDSTORE')) return cutShort(ok('Expunge completed.'), code, s)
    s.syncQuietly()
    return cutShort(ok('Expunge completed.', `HIGHESTMODSEQ ${s.takeModseq()}`), code, s)
  },
})
