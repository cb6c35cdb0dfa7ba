// DELETEACL. RFC 4314 §3.2.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import { identifier } from '../rights.ts'

export default command({
  name: 'DELETEACL', capability: ['ACL', 'RIGHTS=texk'], states: ['authenticated'], flags: 0,
  parse: (p) => ({ name: p.sp().mailbox(), who: identifier(p.sp()) }),
  log: ({ name, who }) => `${mailbox(name)} ${who}`,
  async run({ name, who }, s) {
    await s.user.setAcl(s.context('imap:cmd_deleteacl'), name, who, undefined)
    return ok('Deleteacl completed.')
  },
})
