// Uploads what the store lacks of users' indexes: before a backend is taken away, a user moved by hand.

import { limits } from '../../../../runtime/limits.ts'
import type { UserMessage } from '../../../user/types.ts'
import { userNames } from '../accounts.ts'
import type { Rows } from '../command.ts'
import { AdminError, adminCommand, exitCode } from '../command.ts'
import { eachUser } from '../each-user.ts'

export default adminCommand({
  name: 'metacache flush',
  summary: 'upload what the store lacks of users',
  usage: 'metacache flush [-A | USER|MASK …]',
  options: { all: { type: 'boolean', short: 'A' } },
  args: { min: 0, max: 1000 },
  async run({ args, options: { all } }, world) {
    if (args.length === 0 && all !== true) throw new AdminError(exitCode.usage, 'metacache flush: whose? USER, or -A')
    return {
      columns: ['username', 'result'],
      header: true,
      rows: eachUser(await userNames(all === true ? ['*'] : args, world), world, async function* (account): Rows {
        const message: UserMessage = { kind: 'flush', account }
        await world.effects.ask(`user:${account.user}`, message, { deadlineMs: limits.maintenanceMs })
        yield [account.user, 'flushed']
      }, (user, why) => [user, why]),
    }
  },
})
