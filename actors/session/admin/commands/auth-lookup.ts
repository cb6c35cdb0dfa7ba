// What the passdbs know of a user, without a password.

import type { PassdbAnswer } from '../../../auth-messages.ts'
import { authInfoOf, authInfoOption, authInfoUsage, fieldLines } from '../auth-info.ts'
import type { Rows } from '../command.ts'
import { adminCommand, exitCode } from '../command.ts'

export default adminCommand({
  name: 'auth lookup',
  summary: 'what the password databases know of a user',
  usage: `auth lookup [-x NAME=VALUE …] USER …\n${authInfoUsage}`,
  options: authInfoOption,
  args: { min: 1, max: 1000 },
  run(request, { effects }) {
    const info = authInfoOf(request)
    async function* rows(): Rows {
      let exit: number = exitCode.ok
      for (const user of request.args) {
        const answer = await effects.ask<PassdbAnswer>('auth', { kind: 'passdb', of: { kind: 'lookup', username: user, ...info } })
        if (answer.status === 'ok') {
          yield [`passdb: ${user}`]
          for (const line of fieldLines({ ...answer.fields, user: answer.user }, ': ')) yield [line]
        } else {
          exit = answer.status === 'temporary' ? exitCode.temporary : exitCode.noUser
          yield [answer.status === 'temporary' ? `passdb: ${user}: lookup failed temporarily` : `passdb lookup: user ${user} doesn't exist`]
        }
      }
      return exit
    }
    return { columns: ['text'], header: false, rows: rows() }
  },
})
