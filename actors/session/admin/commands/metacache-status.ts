// How full the local disk is with users' indexes, and whether there is room for more.

import type { MetacacheStatus } from '../../../metacache-messages.ts'
import { adminCommand } from '../command.ts'
import { metacacheTable } from '../metacache-table.ts'

export default adminCommand({
  name: 'metacache status',
  summary: 'how much of the disk local indexes take',
  usage: 'metacache status',
  options: {},
  args: { min: 0, max: 0 },
  async run(_, { effects }) { return metacacheTable(await effects.ask<MetacacheStatus>('metacache', { kind: 'status' })) },
})
