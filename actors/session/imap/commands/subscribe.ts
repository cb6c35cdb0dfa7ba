// SUBSCRIBE. RFC 3501 §6.3.6.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'

export default command({
  name: 'SUBSCRIBE', states: ['authenticated'], flags: 0,
  parse: (p) => p.sp().mailbox(),
  log: mailbox,
  async run(name, s) {
    await s.user.subscribe(s.context('imap:cmd_subscribe'), name)
    return ok('Subscribe completed.')
  },
})
