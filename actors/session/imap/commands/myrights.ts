// MYRIGHTS. RFC 4314 §3.5.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import { formatRights, ownRights } from '../rights.ts'

export default command({
  name: 'MYRIGHTS', capability: ['ACL', 'RIGHTS=texk'], states: ['authenticated'], flags: 0,
  parse: (p) => p.sp().mailbox(),
  log: mailbox,
  run(name, s) {
    // NONEXISTENT comes from here.
    s.user.acl(name)
    s.send(`MYRIGHTS ${mailbox(name, s)} ${formatRights(ownRights(name, s))}`)
    return ok('Myrights completed.')
  },
})
