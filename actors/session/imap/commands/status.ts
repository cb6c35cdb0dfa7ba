// STATUS. RFC 3501 §6.3.10.

import type { MailboxStatus } from '../../../user/types.ts'
import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import type { Parser } from '../grammar.ts'

const figures: Readonly<Record<string, (status: MailboxStatus) => number>> = {
  MESSAGES: (status) => status.messages,
  RECENT: (status) => status.recent,
  UIDNEXT: (status) => status.uidNext,
  UIDVALIDITY: (status) => status.uidValidity,
  UNSEEN: (status) => status.unseen,
}

/** status-att */
function attribute(p: Parser): string {
  const name = p.word('a status item')
  return Object.hasOwn(figures, name) ? name : p.fail(`Unknown status item ${name}`)
}

export default command({
  name: 'STATUS', states: ['authenticated'], flags: 0,
  parse: (p) => {
    const name = p.sp().mailbox()
    const wanted = p.sp().list(attribute)
    return wanted.length > 0 ? { name, wanted } : p.fail('Empty status list')
  },
  log: ({ name }) => mailbox(name),
  async run({ name, wanted }, s) {
    const status = await s.user.status(s.context('imap:cmd_status'), name)
    s.send(`STATUS ${mailbox(name)} (${wanted.map((item) => `${item} ${figures[item]!(status)}`).join(' ')})`)
    return ok('Status completed.')
  },
})
