// Users whose changes are uploaded, one after the other: `metacache flush` and `flushall`.

import { limits } from '../../../runtime/limits.ts'
import type { FlushAnswer, UserMessage } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import type { Rows, Table } from './command.ts'
import { eachUser } from './each-user.ts'

const said: Record<NonNullable<FlushAnswer> | 'flushed', string> = {
  flushed: 'flushed',
  nothing: 'it has nothing here',
  left: 'left to the backend that has it',
}

export const flushing = (users: readonly string[], world: SessionWorld): Table => ({
  columns: ['username', 'result'],
  header: true,
  rows: eachUser(users, world, async function* (account): Rows {
    const message: UserMessage = { kind: 'flush', account }
    const answer = await world.effects.ask<FlushAnswer>(`user:${account.user}`, message, { deadlineMs: limits.maintenanceMs })
    yield [account.user, said[answer ?? 'flushed']]
  }, (user, why) => [user, why]),
})
