// GETQUOTAROOT. RFC 9208 §4.1.2: of a mailbox that there is, or might be.

import { command, ok } from '../command.ts'
import { mailbox } from '../encode.ts'
import { quotaOffered, quotaResponse, rootName } from '../quota.ts'

export default command({
  name: 'GETQUOTAROOT', capability: 'QUOTA', offered: quotaOffered, states: ['authenticated'], flags: 0,
  parse: (p) => p.sp().mailbox(),
  log: (name) => mailbox(name),
  async run(name, s) {
    const roots = s.user.quotaRoots(name)
    s.send(['QUOTAROOT', mailbox(name, s), ...roots.map(rootName)].join(' '))
    for (const root of roots) {
      const usage = await s.user.quota(s.context('quota:count'), root)
      if (usage !== undefined) s.send(quotaResponse(usage))
    }
    return ok('Getquotaroot completed.')
  },
})
