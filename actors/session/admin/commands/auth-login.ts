// A whole login: password and userdb.

import type { AuthAnswer } from '../../../auth-messages.ts'
import { authInfoOf, authInfoOption, authInfoUsage, fieldLines } from '../auth-info.ts'
import { AdminError, adminCommand, exitCode, lines } from '../command.ts'

export default adminCommand({
  name: 'auth login',
  summary: 'try a whole login: password and userdb',
  usage: `auth login [-M MASTER USER] [-x NAME=VALUE …] USER PASSWORD\n${authInfoUsage}`,
  options: { ...authInfoOption, master: { type: 'string', short: 'M' } },
  args: { min: 2, max: 2 },
  async run(request, { effects }) {
    const [user = '', password = ''] = request.args
    const { master } = request.options
    const names = typeof master === 'string' ? { username: master, authzid: user } : { username: user }
    const answer = await effects.ask<AuthAnswer>('auth', { kind: 'login', mechanism: 'PLAIN', ...names, password, ...authInfoOf(request) })
    if (answer.status === 'temporary') throw new AdminError(exitCode.temporary, `${user}: login failed temporarily`)
    if (answer.status === 'disabled') return lines([`passdb: ${user} auth succeeded`, `login disabled${answer.reason === undefined ? '' : `: ${answer.reason}`}`], exitCode.denied)
    if (answer.status !== 'ok') return lines([`passdb: ${user} auth failed`], exitCode.denied)
    const { account } = answer
    return lines([`passdb: ${user} auth succeeded`, 'userdb extra fields:', ...fieldLines({ ...account.fields, home: account.home, user: account.user })])
  },
})
