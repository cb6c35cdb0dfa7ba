// GETACL. RFC 4314 §3.3. The user's own rights are told whether or not an entry says them.

import { command, ok } from '../command.ts'
import { astring, mailbox, utf8 } from '../encode.ts'
import { formatRights, ownRights } from '../rights.ts'

export default command({
  name: 'GETACL', capability: ['ACL', 'RIGHTS=texk'], states: ['authenticated'], flags: 0,
  parse: (p) => p.sp().mailbox(),
  log: mailbox,
  run(name, s) {
    const entries = new Map([[s.user.account.user, ''], ...s.user.acl(name)])
    entries.set(s.user.account.user, ownRights(name, s))
    const told = [...entries].map(([identifier, rights]) => `${astring(utf8(identifier))} ${astring(formatRights(rights))}`)
    s.send(`ACL ${mailbox(name, s)} ${told.join(' ')}`)
    return ok('Getacl completed.')
  },
})
