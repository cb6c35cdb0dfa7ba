// Users whose changes are uploaded, one after the other: `metacache flush` and `flushall`.

import { limits } from '../../../runtime/limits.ts'
import type { UserMessage } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import type { Rows, Table } from './command.ts'
import { eachUser } from './each-user.ts'

export const flushing = (users: readonly string[], world: SessionWorld): Table => ({
  columns: ['username', 'result'],
  header: true,
  rows: eachUser(users, world, async function* (account): Rows {
    const message: UserMessage = { kind: 'flush', account }
    await world.effects.ask(`user:${account.user}`, message, { deadlineMs: limits.maintenanceMs })
    yield [account.user, 'flushed']
  }, (user, why) => [user, why]),
})
