// MODSEQ: changed at this modseq or later. RFC 7162 §3.1.5. The modseq of a single flag, which a client may ask for, is taken for
// that of the message (as the RFC allows a server that keeps no more).

import { always, searchKey } from './key.ts'

const entryTypes = ['PRIV', 'SHARED', 'ALL']

export default searchKey({
  names: ['MODSEQ'],
  /** "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer */
  parse(k) {
    const p = k.p.sp()
    if (p.peek() === '"') {
      p.quoted('a flag')
      if (!entryTypes.includes(p.sp().word('an entry type'))) p.fail('Unknown entry type')
      p.sp()
    }
    const modseq = p.modseq()
    k.asksModseq()
    return always((m) => m.messages.modseqs[m.row]! >= modseq)
  },
})
