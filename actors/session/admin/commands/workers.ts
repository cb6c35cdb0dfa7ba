// The threads that there are, and how many look-ups run at a time: shown, or changed until the next reload.

import type { WorkersAnswer } from '../../../master-messages.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { Rows } from '../command.ts'
import { AdminError, adminCommand, exitCode } from '../command.ts'

export default adminCommand({
  name: 'workers',
  summary: 'show threads, change how many look-ups run at a time',
  usage: 'workers [auth COUNT]\n  auth COUNT  as auth_worker_max_count, until the next reload or start',
  options: {},
  args: { min: 0, max: 2 },
  async run({ args: [kind, count = ''] }, { effects }) {
    if (kind !== undefined && kind !== 'auth') throw new AdminError(exitCode.usage, `the number of ${kind} workers is taken at start`)
    if (kind !== undefined && !/^[1-9][0-9]{0,3}$/.test(count)) throw new AdminError(exitCode.usage, `COUNT: a number from 1 to ${limits.authWorkers}`)
    if (Number(count) > limits.authWorkers) throw new AdminError(exitCode.usage, `COUNT: at most ${limits.authWorkers}`)
    const answer = await effects.ask<WorkersAnswer>('master', kind === undefined ? { kind: 'workers' } : { kind: 'auth-workers', count: Number(count) })
    return { columns: ['kind', 'threads', 'at a time', 'busy', 'waiting'], header: true, rows: rowsOf(answer) }
  },
})

function* rowsOf({ session, storage, auth }: WorkersAnswer): Rows {
  yield ['session', String(session.threads), '', '', '']
  yield ['storage', String(storage.threads), '', '', '']
  yield ['auth', String(auth.threads), String(auth.limit), String(auth.busy), String(auth.waiting)]
}
