// Users whose changes are uploaded, one after the other: `metacache flush` and `flushall`.

import { limits } from '../../../runtime/limits.ts'
import type { FlushAnswer, UserMessage } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import type { AdminOption, Rows, Table } from './command.ts'
import { eachUser } from './each-user.ts'

/** doveadm's `-i` (only what is important) is taken, so that its users' scripts go on: everything goes up all the same. */
export const flushOptions: Readonly<Record<string, AdminOption>> = { important: { type: 'boolean', short: 'i' } }

export const importantUsage = '\n  -i  as doveadm has it; everything is uploaded with or without it'

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
