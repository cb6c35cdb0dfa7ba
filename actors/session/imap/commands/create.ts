// CREATE. RFC 3501 §6.3.3: a separator at the end of the name says that there will be children.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'

export default command({
  name: 'CREATE', states: ['authenticated'], flags: 0,
  parse: (p) => p.sp().rawMailbox(),
  log: mailbox,
  async run(name, s) {
    await s.user.create(s.context('imap:cmd_create'), name)
    return ok('Create completed.')
  },
})
