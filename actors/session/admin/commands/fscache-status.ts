// How full the local caches of mails are, and what they are good for.

import type { CacheAnswer } from '../../../master-messages.ts'
import { cacheTable } from '../cache-table.ts'
import { adminCommand } from '../command.ts'

export default adminCommand({
  name: 'fscache status',
  summary: 'how full the caches of mails are, and how often they serve',
  usage: 'fscache status',
  options: {},
  args: { min: 0, max: 0 },
  async run(_, { effects }) { return cacheTable(await effects.ask<CacheAnswer>('master', { kind: 'caches' })) },
})
