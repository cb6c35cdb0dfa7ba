// The users that a command is about: names, masks, or all there are.

import { isMask, matcher } from '../../../conf/mask.ts'
import type { AuthAnswer, UsersAnswer } from '../../auth-messages.ts'
import type { Account } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import { AdminError, exitCode } from './command.ts'

/** The names in `words`, and those that its masks match. AdminError: they cannot be listed now. */
export async function userNames(words: readonly string[], { effects }: SessionWorld): Promise<string[]> {
  const masks = words.filter(isMask)
  const names = words.filter((word) => !isMask(word))
  if (masks.length === 0) return names
  const answer = await effects.ask<UsersAnswer>('auth', { kind: 'users' })
  if (answer.status !== 'ok') throw new AdminError(exitCode.temporary, `user listing failed: ${answer.reason}`)
  const matchers = masks.map(matcher)
  return [...new Set([...names, ...answer.users.filter((user) => matchers.some((matches) => matches(user)))])]
}

/** What the userdbs say of a user. AdminError: there is none of that name, or nobody can tell. */
export async function accountOf(user: string, { effects }: SessionWorld): Promise<Account> {
  const nowhere = { ip: '', port: 0 }
  const answer = await effects.ask<AuthAnswer>('auth', { kind: 'lookup', username: user, service: 'doveadm', session: '', remote: nowhere, local: nowhere, secured: true })
  if (answer.status === 'unknown') throw new AdminError(exitCode.noUser, `userdb lookup: user ${user} doesn't exist`)
  if (answer.status !== 'ok') throw new AdminError(exitCode.temporary, `userdb lookup(${user}) failed temporarily`)
  return answer.account
}
