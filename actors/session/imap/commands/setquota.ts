// SETQUOTA. RFC 9208 §4.1.3: `setquota = "SETQUOTA" SP quota-root-name SP setquota-list`. Limits are the configuration's: nobody may set them here.

import { No, command } from '../command.ts'
import type { Parser } from '../grammar.ts'
import { quotaOffered } from '../quota.ts'

function resource(p: Parser): void {
  p.word('a resource')
  p.sp().number('a limit')
}

export default command({
  name: 'SETQUOTA', offered: quotaOffered, states: ['authenticated'], flags: 0,
  parse: (p) => {
    const root = p.sp().astring('a quota root')
    p.sp().list(resource)
    return root
  },
  log: (root) => root,
  run() { throw new No('NOPERM', 'Permission denied') },
})
