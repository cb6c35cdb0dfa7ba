// GETQUOTA. RFC 9208 §4.1.1, §4.2.1.

import { No, command, ok } from '../command.ts'
import { quotaOffered, quotaResponse } from '../quota.ts'

export default command({
  name: 'GETQUOTA', capability: ['QUOTA', 'QUOTA=RES-STORAGE', 'QUOTA=RES-MESSAGE'], offered: quotaOffered, states: ['authenticated'], flags: 0,
  parse: (p) => p.sp().astring('a quota root'),
  log: (root) => root,
  async run(root, s) {
    const usage = await s.user.quota(s.context('quota:count'), root)
    if (usage === undefined) throw new No('NONEXISTENT', 'Quota root doesn\'t exist.')
    s.send(quotaResponse(usage))
    return ok('Getquota completed.')
  },
})
