// STATUS. RFC 3501 §6.3.10.

import { limits } from '../../../../runtime/limits.ts'
import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import { mustHave } from '../rights.ts'
import { statusItems, statusResponse } from '../status-items.ts'

export default command({
  name: 'STATUS', capability: ['STATUS=SIZE', `APPENDLIMIT=${limits.messageBytes}`], states: ['authenticated'], flags: 0,
  parse: (p) => ({ name: p.sp().mailbox(), wanted: statusItems(p.sp()) }),
  log: ({ name }) => mailbox(name),
  async run({ name, wanted }, s) {
    mustHave('r', name, s)
    if (wanted.includes('HIGHESTMODSEQ')) s.enable('CONDSTORE')
    s.send(statusResponse(name, wanted, await s.user.status(s.context('imap:cmd_status'), name), s))
    return ok('Status completed.')
  },
})
