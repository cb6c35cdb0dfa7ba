// Users compared with the store, as `obox verify` and `force-resync` have it: a row for each finding, one of a user without any.

import { limits } from '../../../runtime/limits.ts'
import type { UserMessage, Verification } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import type { Rows, Table } from './command.ts'
import { exitCode } from './command.ts'
import { userNames } from './accounts.ts'
import { eachUser } from './each-user.ts'

/**
 * `words`: names of users and masks. Who is named is taken from the backend that has the user; of the others it is only told that there
 * is one. `mask`: of mailbox names. Exit code 65 where something is wrong and was not mended.
 */
export async function verifying(words: readonly string[], world: SessionWorld, options: { fix: boolean; mask?: string }): Promise<Table> {
  const users = await userNames(words, world)
  const { effects } = world
  return {
    columns: ['username', 'mailbox', 'problem', 'uid', 'bytes', 'object', 'done'],
    header: true,
    rows: eachUser(users, world, async function* (account, user): Rows {
      const message: UserMessage = { kind: 'verify', account, take: words.includes(user), ...options }
      const answer = await effects.ask<Verification | 'elsewhere'>(`user:${account.user}`, message, { deadlineMs: limits.maintenanceMs })
      if (answer === 'elsewhere') {
        yield [account.user, '', 'not verified', '', '', 'another backend has it', '']
        return exitCode.ok
      }
      const { findings, more, mailboxes, mails } = answer
      for (const { mailbox, kind, uid, bytes, object, done } of findings) {
        yield [account.user, mailbox, kind, uid === 0 ? '' : String(uid), String(bytes), object, done]
      }
      if (more > 0) yield [account.user, '', `and ${more} more`, '', '', '', '']
      if (findings.length === 0) yield [account.user, '', 'none', '', '', `${mailboxes} mailboxes, ${mails} mails`, '']
      return findings.length === 0 || options.fix ? exitCode.ok : exitCode.data
    }, (user, why) => [user, '', why, '', '', '', '']),
  }
}
