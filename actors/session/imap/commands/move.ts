// MOVE, UID MOVE. RFC 6851: COPYUID comes before the EXPUNGEs, which the view tells.

import { BreaksSequences, ExpectsNews, UsesSequences, command, ok } from '../command.ts'
import { copyCode, copyTelling, countTrashed, sourceUids } from '../copying.ts'
import { mailbox as mailboxText } from '../encode.ts'
import { cutShort, newestUids } from '../message-limit.ts'
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
    const { kept: uids, code: limit } = newestUids(sourceUids(set, s), s)
    if (uids.length === 0) return ok('No messages found.')
    const moved = await copyTelling(uids, to, { move: true }, s)
    const code = copyCode(moved)
    if (code !== undefined) s.send(`OK [${code}] Moved UIDs.`)
    countTrashed(moved, to, s)
    s.counters.expunged += moved.sourceUids.length
    return cutShort(ok('Move completed.'), limit, s)
  },
})
