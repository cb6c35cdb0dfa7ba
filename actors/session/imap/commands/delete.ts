// DELETE. RFC 3501 §6.3.4. A selected mailbox that is deleted is closed first; other sessions that have it open get BYE.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import { mustHave } from '../rights.ts'

export default command({
  name: 'DELETE', states: ['authenticated'], flags: 0,
  parse: (p) => p.sp().mailbox(),
  log: mailbox,
  async run(name, s) {
    mustHave('x', name, s)
    if (s.hasSelected && s.selected.mailbox.guid === s.user.find(name)?.guid) {
      s.unselect()
      s.send('OK [CLOSED] Previous mailbox closed.')
    }
    await s.user.delete(s.context('imap:cmd_delete'), name)
    return ok('Delete completed.')
  },
})
