// RENAME. RFC 3501 §6.3.5.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import { mustHave, mustHaveParent } from '../rights.ts'

export default command({
  name: 'RENAME', states: ['authenticated'], flags: 0,
  parse: (p) => ({ from: p.sp().mailbox(), to: p.sp().mailbox() }),
  log: ({ from, to }) => `${mailbox(from)} ${mailbox(to)}`,
  async run({ from, to }, s) {
    mustHave('x', from, s)
    mustHaveParent(to, s)
    await s.user.rename(s.context('imap:cmd_rename'), from, to)
    return ok('Rename completed.')
  },
})
