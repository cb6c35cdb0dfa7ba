// COPY, UID COPY. RFC 3501 §6.4.7, with COPYUID (RFC 4315 §3).

import { BreaksSequences, UsesSequences, command, ok } from '../command.ts'
import { copyCode, copyTelling, countTrashed, sourceUids } from '../copying.ts'
import { mailbox as mailboxText } from '../encode.ts'
import { mustBeCopyable } from '../message-limit.ts'
import { mustHave } from '../rights.ts'

export default command({
  name: 'COPY', uid: true, capability: 'UIDPLUS', states: ['selected'], flags: UsesSequences | BreaksSequences,
  parse: (p) => ({ set: p.sp().sequenceSet(), to: p.sp().mailbox() }),
  log: ({ set, to }) => `${set.toString()} ${mailboxText(to)}`,
  async run({ set, to }, s) {
    mustHave('i', to, s)
    const uids = sourceUids(set, s)
    if (uids.length === 0) return ok('No messages found.')
    mustBeCopyable(uids, s)
    const copied = await copyTelling(uids, to, { move: false }, s)
    countTrashed(copied, to, s)
    return ok('Copy completed.', copyCode(copied))
  },
})
