// Users compared with the store, as `obox verify` and `force-resync` have it: a row for each finding, one of a user without any.

import { limits } from '../../../runtime/limits.ts'
import type { UserMessage, Verification } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import type { Rows, Table } from './command.ts'
import { exitCode } from './command.ts'
import { eachUser } from './each-user.ts'

/** `mask`: of mailbox names. Exit code 65 where something is wrong and was not mended. */
export function verifying(users: readonly string[], world: SessionWorld, options: { fix: boolean; mask?: string }): Table {
  const { effects } = world
  return {
    columns: ['username', 'mailbox', 'problem', 'uid', 'bytes', 'object', 'done'],
    header: true,
    rows: eachUser(users, world, async function* (account): Rows {
      const message: UserMessage = { kind: 'verify', account, ...options }
      const { findings, more, mailboxes, mails } = await effects.ask<Verification>(`user:${account.user}`, message, { deadlineMs: limits.maintenanceMs })
      for (const { mailbox, kind, uid, bytes, object, done } of findings) {
        yield [account.user, mailbox, kind, uid === 0 ? '' : String(uid), String(bytes), object, done]
      }
      if (more > 0) yield [account.user, '', `and ${more} more`, '', '', '', '']
      if (findings.length === 0) yield [account.user, '', 'none', '', '', `${mailboxes} mailboxes, ${mails} mails`, '']
      return findings.length === 0 || options.fix ? exitCode.ok : exitCode.data
    }, (user, why) => [user, '', why, '', '', '', '']),
  }
}
