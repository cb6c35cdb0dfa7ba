// What the userdbs know: of one user its fields, of a mask the names that match it.

import { expand, userVariables } from '../../../../conf/expand.ts'
import { isMask } from '../../../../conf/mask.ts'
import type { AuthAnswer } from '../../../auth-messages.ts'
import type { SessionWorld } from '../../types.ts'
import type { AuthInfo } from '../auth-info.ts'
import { userNames } from '../accounts.ts'
import { authInfoOf, authInfoOption, authInfoUsage } from '../auth-info.ts'
import type { Table } from '../command.ts'
import { AdminError, adminCommand, exitCode, lines } from '../command.ts'

export default adminCommand({
  name: 'user',
  summary: 'look users up, or list those that match a mask',
  usage: `user [-f FIELD] [-x NAME=VALUE …] USER | user MASK …\n  -f FIELD       the value of this field alone\n${authInfoUsage}`,
  options: { ...authInfoOption, field: { type: 'string', short: 'f' } },
  args: { min: 1, max: 1000 },
  run(request, world) {
    const { args, options } = request
    if (args.some(isMask)) return userNames(args, world).then(lines)
    const [user = '', ...more] = args
    if (more.length > 0) throw new AdminError(exitCode.usage, 'user: one name, or masks')
    return found(user, options['field'], authInfoOf(request), world)
  },
})

async function found(user: string, field: unknown, info: AuthInfo, { effects, settings }: SessionWorld): Promise<Table> {
  const answer = await effects.ask<AuthAnswer>('auth', { kind: 'lookup', username: user, ...info })
  if (answer.status === 'unknown') throw new AdminError(exitCode.noUser, `userdb lookup: user ${user} doesn't exist`)
  if (answer.status !== 'ok') throw new AdminError(exitCode.temporary, `userdb lookup(${user}) failed temporarily`)
  const { account } = answer
  const { home } = account
  const mail = expand(settings.mail_location, userVariables({ user: account.user, home, fields: account.fields }))
  const fields: Record<string, string> = { ...(mail === '' ? {} : { mail }), ...account.fields, home }
  if (account.user !== user) fields['user'] = account.user
  if (typeof field === 'string') return lines(fields[field] === undefined ? [] : [fields[field]])
  const rows = Object.entries(fields)
  return {
    columns: ['field', 'value'],
    header: true,
    rows: (function* () { yield* rows })(),
  }
}
