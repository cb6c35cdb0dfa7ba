// RENAME. RFC 3501 §6.3.5; IMAP4rev2 tells the new name with the old one: RFC 9051 §6.3.6, §6.3.9.7.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import { listOne } from '../list-response.ts'
import { netUnicode } from '../mailbox-name.ts'
import { speaksRev2, speaksUtf8 } from '../revision.ts'
import { mustHave, mustHaveParent } from '../rights.ts'

export default command({
  name: 'RENAME', states: ['authenticated'], flags: 0,
  parse: (p) => ({ from: p.sp().mailbox(), to: p.sp().mailbox() }),
  log: ({ from, to }) => `${mailbox(from)} ${mailbox(to)}`,
  async run({ from, to }, s) {
    mustHave('x', from, s)
    mustHaveParent(to, s)
    const name = speaksUtf8(s) ? netUnicode(to) : to
    await s.user.rename(s.context('imap:cmd_rename'), from, name)
    const renamed = s.user.find(name)
    // INBOX is still there.
    if (speaksRev2(s) && from !== 'INBOX' && renamed !== undefined) s.send(listOne(renamed, s, from))
    return ok('Rename completed.')
  },
})
