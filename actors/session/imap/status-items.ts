// What STATUS tells of a mailbox: RFC 3501 §6.3.10, DELETED (RFC 9051 §6.3.11), DELETED-STORAGE (RFC 9208 §4.1.4), SIZE (RFC 8438), HIGHESTMODSEQ (RFC 7162 §3.1.7), MAILBOXID (RFC 8474 §4.3), APPENDLIMIT (RFC 7889 §3.2).
// Asked for by STATUS, and by LIST … RETURN (STATUS …).

import { limits } from '../../../runtime/limits.ts'
import type { MailboxStatus } from '../../user/types.ts'
import { mailbox } from './encode.ts'
import type { Parser } from './grammar.ts'
import type { Speaker } from './revision.ts'

const figures: Readonly<Record<string, (status: MailboxStatus) => number | string>> = {
  MESSAGES: (status) => status.messages,
  RECENT: (status) => status.recent,
  UIDNEXT: (status) => status.uidNext,
  UIDVALIDITY: (status) => status.uidValidity,
  UNSEEN: (status) => status.unseen,
  DELETED: (status) => status.deleted,
  'DELETED-STORAGE': (status) => status.deletedSize,
  HIGHESTMODSEQ: (status) => status.highestModseq,
  SIZE: (status) => status.size,
  MAILBOXID: (status) => `(${status.guid})`,
  APPENDLIMIT: () => limits.messageBytes,
}

function item(p: Parser): string {
  const name = p.word('a status item')
  return Object.hasOwn(figures, name) ? name : p.fail(`Unknown status item ${name}`)
}

/** "(" status-att *(SP status-att) ")"; what is asked for twice is told once. */
export function statusItems(p: Parser): readonly string[] {
  const wanted = p.list(item)
  return wanted.length > 0 ? [...new Set(wanted)] : p.fail('Empty status list')
}

/** `STATUS name (MESSAGES 1 …)`. */
export function statusResponse(name: string, wanted: readonly string[], status: MailboxStatus, to: Speaker): string {
  return `STATUS ${mailbox(name, to)} (${wanted.map((one) => `${one} ${figures[one]!(status)}`).join(' ')})`
}
