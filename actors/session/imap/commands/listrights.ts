// LISTRIGHTS. RFC 4314 §3.4: each right can be granted by itself; the user always has `a`.

import { command, ok } from '../command.ts'
import { astring, mailbox, utf8 } from '../encode.ts'
import { everyRight, identifier } from '../rights.ts'

export default command({
  name: 'LISTRIGHTS', capability: ['ACL', 'RIGHTS=texk'], states: ['authenticated'], flags: 0,
  parse: (p) => ({ name: p.sp().mailbox(), who: identifier(p.sp()) }),
  log: ({ name, who }) => `${mailbox(name)} ${who}`,
  run({ name, who }, s) {
    s.user.acl(name)
    const always = who === s.user.account.user ? 'a' : ''
    const optional = everyRight.filter((right) => right !== always)
    s.send(`LISTRIGHTS ${mailbox(name, s)} ${astring(utf8(who))} ${astring(always)} ${optional.join(' ')}`)
    return ok('Listrights completed.')
  },
})
