// CREATE. RFC 3501 §6.3.3: a separator at the end of the name says that there will be children. With what it is for: RFC 6154 §3,
// RFC 4466 §2.2. With its MAILBOXID: RFC 8474 §4.1. A name in UTF-8 becomes Net-Unicode: RFC 9051 §6.3.4.

import { No, command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import type { Parser } from '../grammar.ts'
import { listOne } from '../list-response.ts'
import { netUnicode } from '../mailbox-name.ts'
import { speaksUtf8 } from '../revision.ts'
import { mustHaveParent } from '../rights.ts'

/** Uses that a mailbox of one's own can have. \All and \Flagged are views over other mailboxes: there are none here. */
const uses = ['\\Archive', '\\Drafts', '\\Junk', '\\Sent', '\\Trash']

/** create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")" */
function use(p: Parser): string[] {
  if (!p.take('USE')) p.fail('Unknown CREATE parameter')
  return p.sp().list((one) => one.expect('\\') && `\\${one.atom('a special use')}`)
}

/** In the spelling of the RFC. */
function known(said: string): string {
  const found = uses.find((one) => one.toLowerCase() === said.toLowerCase())
  if (found === undefined) throw new No('USEATTR', `A mailbox can't be created for ${said}`)
  return found
}

export default command({
  name: 'CREATE', capability: 'CREATE-SPECIAL-USE', states: ['authenticated'], flags: 0,
  parse: (p) => ({ name: p.sp().rawMailbox(), specialUse: p.sees(' (') ? p.sp().list(use).flat() : [] }),
  log: ({ name }) => mailbox(name),
  async run({ name, specialUse }, s) {
    mustHaveParent(name, s)
    const composed = speaksUtf8(s) ? netUnicode(name) : name
    const created = await s.user.create(s.context('imap:cmd_create'), composed, { specialUse: [...new Set(specialUse.map(known))] })
    if (composed !== name) s.send(listOne(created, s, name))
    const { guid } = created
    return ok('Create completed.', guid === undefined ? undefined : `MAILBOXID (${guid})`)
  },
})
