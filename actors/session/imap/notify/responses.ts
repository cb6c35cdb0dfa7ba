// What NOTIFY tells of mailboxes that are not selected. RFC 5465 §5.1–5.7.

import type { MailboxInfo, MailboxStatus } from '../../../user/types.ts'
import type { ImapSession } from '../command.ts'
import { mailbox } from '../encode.ts'
import children from '../list-return/children.ts'
import specialUse from '../list-return/special-use.ts'
import { listResponse, namespaceOf } from '../list-response.ts'
import { statusResponse } from '../status-items.ts'
import { Event } from './arguments.ts'

/**
 * `LIST (attributes) "/" name`, as the name is now; `from`: what it was called before (§5.4); `noAccess`: it can be listed, and no more
 * (§3.1); `hidden`: it is not to be seen any more (§5.4).
 */
export function listed(name: string, s: ImapSession, { from, noAccess, hidden }: { from?: string; noAccess?: boolean; hidden?: boolean } = {}): string {
  const info = hidden === true ? undefined : s.user.find(name)
  const attributes = noAccess === true ? ['\\NoAccess'] : []
  if (info === undefined ? s.user.subscriptions().includes(name) : info.subscribed) attributes.push('\\Subscribed')
  if (info?.guid === undefined) attributes.unshift('\\NonExistent')
  if (info !== undefined) attributes.push(...children.attributes!(info), ...specialUse.attributes!(info))
  const separator = info?.separator ?? namespaceOf(name, s.user.namespaces())?.separator ?? '/'
  return listResponse('LIST', attributes, separator, name, s) + (from === undefined ? '' : ` ("OLDNAME" (${mailbox(from, s)}))`)
}

/** `METADATA name entry …`: without values (RFC 5464 §4.4.2). */
export const annotated = (name: string, entries: readonly string[], s: ImapSession): string => `METADATA ${mailbox(name, s)} ${entries.join(' ')}`

/** The figures that message events have changed; HIGHESTMODSEQ for those who know what it is. */
export function figures(name: string, events: number, status: MailboxStatus, s: ImapSession): string {
  const wanted: string[] = []
  if ((events & (Event.MessageNew | Event.MessageExpunge)) !== 0) wanted.push('MESSAGES', 'UIDNEXT')
  if ((events & Event.FlagChange) !== 0) wanted.push('UIDVALIDITY')
  wanted.push('UNSEEN')
  if (s.enabled.has('CONDSTORE')) wanted.push('HIGHESTMODSEQ')
  return statusResponse(name, wanted, status, s)
}

/** All a client needs to know before it hears of changes (§3.1): `modseq`, because flag changes will be among them. */
export const snapshot = (info: MailboxInfo, status: MailboxStatus, modseq: boolean, s: ImapSession): string =>
  statusResponse(info.name, ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY', 'UNSEEN', ...(modseq ? ['HIGHESTMODSEQ'] : [])], status, s)
