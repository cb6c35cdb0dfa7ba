// Whether a password is right, by the passdbs alone.

import type { PassdbAnswer } from '../../../auth-messages.ts'
import { authInfoOf, authInfoOption, authInfoUsage, fieldLines } from '../auth-info.ts'
import { AdminError, adminCommand, exitCode, lines } from '../command.ts'

export default adminCommand({
  name: 'auth test',
  summary: 'whether a password is right',
  usage: `auth test [-M MASTER USER] [-x NAME=VALUE …] USER PASSWORD\n${authInfoUsage}`,
  options: { ...authInfoOption, master: { type: 'string', short: 'M' } },
  args: { min: 2, max: 2 },
  async run(request, { effects }) {
    const [user = '', password = ''] = request.args
    const { master } = request.options
    const names = typeof master === 'string' ? { username: master, authzid: user } : { username: user }
    const answer = await effects.ask<PassdbAnswer>('auth', {
      kind: 'passdb', of: { kind: 'login', mechanism: 'PLAIN', ...names, password, ...authInfoOf(request) },
    })
    if (answer.status === 'temporary') throw new AdminError(exitCode.temporary, `passdb: ${user} auth failed temporarily`)
    if (answer.status !== 'ok') return lines([`passdb: ${user} auth failed`, 'extra fields:', `  user=${user}`], exitCode.denied)
    return lines([`passdb: ${user} auth succeeded`, 'extra fields:', ...fieldLines({ ...answer.fields, user: answer.user })])
  },
})
