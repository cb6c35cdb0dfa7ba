// APPEND. RFC 3501 §6.3.11, with APPENDUID (RFC 4315 §3), many messages at once (RFC 3502: all or none), messages made of pieces
// of others (RFC 4469), and literals without waiting (RFC 7888).

import { appendSegment } from '../append-arguments.ts'
import { Arrivals, mustExist } from '../appending.ts'
import { BreaksSequences, ExpectsNews, WaitsForPipeline, command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import { SequenceSet } from '../sequence-set.ts'

export default command({
  name: 'APPEND', capability: ['UIDPLUS', 'MULTIAPPEND', 'CATENATE', 'URL-PARTIAL'], states: ['authenticated'], flags: BreaksSequences | ExpectsNews | WaitsForPipeline,
  parse: (p) => ({ name: p.sp().mailbox(), messages: appendSegment(p.sp()) }),
  log: ({ name }) => mailbox(name),
  async run({ name, messages }, s) {
    mustExist(name, s)
    const arrivals = new Arrivals(name, s)
    try {
      const drafts = await arrivals.receive(messages)
      const { uidValidity, uids } = await s.user.append(s.context('imap:cmd_append'), name, [...drafts])
      s.counters.appended += uids.length
      return ok('Append completed.', `APPENDUID ${uidValidity} ${SequenceSet.of(uids).toString()}`)
    } finally {
      await arrivals.release()
    }
  },
})
