// Removes users' local indexes now, as eviction would: what the store lacks is uploaded first, and who is in use stays.

import { TempFail, messageOf } from '../../../../runtime/errors.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { CleanAnswer } from '../../../metacache-messages.ts'
import type { SessionWorld } from '../../types.ts'
import type { Rows } from '../command.ts'
import { AdminError, adminCommand, exitCode } from '../command.ts'
import { knownUsers, unknownOf } from '../known-users.ts'
import { whose, whoseOptions, whoseUsage } from '../whose.ts'

const secondsOfDay = 86_400

const said: Record<CleanAnswer, string> = {
  cleaned: 'cleaned',
  used: 'somebody uses it, or not all of it could be uploaded',
  none: 'it has no local indexes',
}

export default adminCommand({
  name: 'metacache clean',
  summary: 'remove local indexes of users, uploading what the store lacks',
  usage: `metacache clean [-d DAYS] ${whoseUsage}
  -d DAYS  only who was not used for so many days
Exit code 75: one of them stays.`,
  options: { ...whoseOptions, days: { type: 'string', short: 'd' } },
  args: { min: 0, max: 1000 },
  async run(request, world) {
    const { days = '0' } = request.options
    if (typeof days !== 'string' || !/^\d{1,5}$/.test(days)) throw new AdminError(exitCode.usage, 'metacache clean: DAYS is a number')
    const words = whose(request)
    const known = await knownUsers(words, world)
    const before = world.effects.clock.now() / 1000 - Number(days) * secondsOfDay
    const old = known.filter(({ lastUsed }) => lastUsed <= before).map(({ user }) => user)
    // Of whom nothing is known it is not known either when they were used.
    return { columns: ['username', 'result'], header: true, rows: cleaned([...old, ...days === '0' ? unknownOf(words, known) : []], world) }
  },
})

async function* cleaned(users: readonly string[], { effects }: SessionWorld): Rows {
  let exit: number = exitCode.ok
  for (const user of users) {
    try {
      const answer = await effects.ask<CleanAnswer>('metacache', { kind: 'clean', user }, { deadlineMs: limits.maintenanceMs })
      if (answer === 'used') exit = exitCode.temporary
      yield [user, said[answer]]
    } catch (error) {
      if (!(error instanceof TempFail)) throw error
      exit = exitCode.temporary
      yield [user, messageOf(error)]
    }
  }
  return exit
}
