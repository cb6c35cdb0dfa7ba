// Counts what lies in the local caches of mails anew: what others have put there or taken away.

import { limits } from '../../../../runtime/limits.ts'
import { cacheTable } from '../cache-table.ts'
import type { CacheAnswer } from '../../../master-messages.ts'
import { adminCommand } from '../command.ts'

export default adminCommand({
  name: 'fscache rescan',
  summary: 'count what lies in the caches of mails anew',
  usage: 'fscache rescan [DIRECTORY]',
  options: {},
  args: { min: 0, max: 1 },
  async run({ args: [directory] }, { effects }) {
    const message = { kind: 'rescan-caches', ...(directory === undefined ? {} : { directory }) }
    return cacheTable(await effects.ask<CacheAnswer>('master', message, { deadlineMs: limits.maintenanceMs }))
  },
})
