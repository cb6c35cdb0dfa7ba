// Counts what users' indexes take of the local disk anew: after somebody else has removed or put back some.

import type { MetacacheStatus } from '../../../metacache-messages.ts'
import { limits } from '../../../../runtime/limits.ts'
import { adminCommand } from '../command.ts'
import { metacacheTable } from '../metacache-table.ts'

export default adminCommand({
  name: 'metacache rescan',
  summary: 'count anew what local indexes take of the disk',
  usage: 'metacache rescan',
  options: {},
  args: { min: 0, max: 0 },
  async run(_, { effects }) { return metacacheTable(await effects.ask<MetacacheStatus>('metacache', { kind: 'rescan' }, { deadlineMs: limits.maintenanceMs })) },
})
