// UNSUBSCRIBE. RFC 3501 §6.3.7: a name that exists no more can be unsubscribed.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'

export default command({
  name: 'UNSUBSCRIBE', states: ['authenticated'], flags: 0,
  parse: (p) => p.sp().mailbox(),
  log: mailbox,
  async run(name, s) {
    await s.user.unsubscribe(s.context('imap:cmd_unsubscribe'), name)
    return ok('Unsubscribe completed.')
  },
})
