// MOVE, UID MOVE. RFC 6851: COPYUID comes before the EXPUNGEs, which the view tells.

import { BreaksSequences, ExpectsNews, UsesSequences, command, ok } from '../command.ts'
import { copyCode, countTrashed, sourceUids } from '../copying.ts'
import { mailbox as mailboxText } from '../encode.ts'
import { mustHave } from '../rights.ts'
import { mustBeWritable } from '../writable.ts'

export default command({
  name: 'MOVE', uid: true, capability: 'MOVE', states: ['selected'], flags: UsesSequences | BreaksSequences | ExpectsNews,
  parse: (p) => ({ set: p.sp().sequenceSet(), to: p.sp().mailbox() }),
  log: ({ set, to }) => `${set.toString()} ${mailboxText(to)}`,
  async run({ set, to }, s) {
    mustBeWritable(s.selected)
    mustHave('te', s.selected.mailbox.name, s)
    mustHave('i', to, s)
    const uids = sourceUids(set, s)
    if (uids.length === 0) return ok('No messages found.')
    const moved = await s.selected.mailbox.copy(s.context('imap:cmd_move'), uids, to, { move: true })
    const code = copyCode(moved)
    if (code !== undefined) s.send(`OK [${code}] Moved UIDs.`)
    countTrashed(moved, to, s)
    s.counters.expunged += moved.sourceUids.length
    return ok('Move completed.')
  },
})
