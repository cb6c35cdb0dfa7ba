// REPLACE, UID REPLACE. RFC 8508: the new message is there before the old one is gone. Its sequence number is used before anything
// is told, and the EXPUNGE it causes is told within the command.

import { appendSegment } from '../append-arguments.ts'
import { Arrivals, mustExist } from '../appending.ts'
import { Bad, BreaksSequences, ExpectsNews, No, WaitsForPipeline, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { mailbox } from '../encode.ts'
import { mustSpeakUids } from '../revision.ts'
import { mustHave } from '../rights.ts'
import { mustBeWritable } from '../writable.ts'

/** The message that is to be replaced, by its UID. */
function replaced(number: number, s: ImapSession): number {
  const { view } = s.selected
  if (!s.running.uid && number > view.count) throw new Bad('Invalid messageset')
  const uid = s.running.uid ? number : view.uidAt(number)
  if (s.selected.mailbox.messages.rowOf(uid) < 0) throw new No(s.running.uid ? 'NONEXISTENT' : 'EXPUNGEISSUED', 'The message to be replaced doesn\'t exist.')
  return uid
}

export default command({
  name: 'REPLACE', uid: true, capability: 'REPLACE', states: ['selected'], flags: BreaksSequences | ExpectsNews | WaitsForPipeline,
  parse: (p) => ({ number: p.sp().nznumber('a message number'), name: p.sp().mailbox(), message: appendSegment(p.sp()) }),
  log: ({ number, name }) => `${number} ${mailbox(name)}`,
  async run({ number, name, message }, s) {
    if (!s.running.uid) mustSpeakUids(s, s.running.name)
    mustBeWritable(s.selected)
    const old = replaced(number, s)
    mustHave('te', s.selected.mailbox.name, s)
    mustExist(name, s)
    const arrivals = new Arrivals(name, s)
    try {
      const drafts = await arrivals.receive(message)
      if (drafts.length !== 1) throw new Bad('Error in IMAP command REPLACE: One message replaces one.')
      const { uidValidity, uids } = await s.user.append(s.context('imap:cmd_replace'), name, [...drafts])
      s.counters.appended++
      s.send(`OK [APPENDUID ${uidValidity} ${uids[0]!}] Replacement message ready.`)
      s.counters.expunged += (await s.selected.mailbox.expunge(s.context('imap:cmd_replace'), [old])).length
      return ok('Replace completed.')
    } finally {
      await arrivals.release()
    }
  },
})
