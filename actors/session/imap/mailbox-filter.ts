// Mailboxes named by what they are: filter-mailboxes. RFC 5465 §6, §8; RFC 7377 §2.2.

import type { MailboxInfo } from '../../user/types.ts'
import { Bad } from './command.ts'
import type { ImapSession } from './command.ts'
import type { Parser } from './grammar.ts'
import { namespaceOf } from './list-response.ts'
import { has } from './rights.ts'

export type MailboxFilter =
  | { readonly kind: 'SELECTED' | 'INBOXES' | 'PERSONAL' | 'SUBSCRIBED' }
  | { readonly kind: 'SUBTREE' | 'SUBTREE-ONE' | 'MAILBOXES'; readonly names: readonly string[] }

/** "selected" / "inboxes" / "personal" / "subscribed" / ("subtree" / "subtree-one" / "mailboxes") SP one-or-more-mailbox */
export function mailboxFilter(p: Parser): MailboxFilter {
  const kind = p.word('which mailboxes')
  switch (kind) {
    case 'SELECTED': case 'INBOXES': case 'PERSONAL': case 'SUBSCRIBED': return { kind }
    case 'SUBTREE': case 'SUBTREE-ONE': case 'MAILBOXES': {
      p.sp()
      const names = p.peek() === '(' ? p.list((list) => list.mailbox()) : [p.mailbox()]
      return names.length > 0 ? { kind, names } : p.fail('Expected a mailbox name')
    }
    default: return p.fail(`Unknown mailbox filter ${kind}`)
  }
}

/** The names of the mailboxes that any filter means, can be opened, and may be read, each once, in the order of the mailbox list. Bad without a selected mailbox where that is meant. */
export function mailboxesOf(filters: readonly MailboxFilter[], s: ImapSession): string[] {
  const meant = filters.map((filter) => meaningOf(filter, s))
  return s.user.list()
    .filter((info) => info.guid !== undefined && !info.noSelect && meant.some((isMeant) => isMeant(info)) && has('r', info.name, s))
    .map(({ name }) => name)
}

/** Whether a filter means a mailbox; what SELECTED means is settled now. */
export function meaningOf(filter: MailboxFilter, s: ImapSession): (info: MailboxInfo) => boolean {
  switch (filter.kind) {
    case 'SELECTED': {
      if (!s.hasSelected) throw new Bad('No mailbox selected.')
      const { name } = s.selected.mailbox
      return (info) => info.name === name
    }
    // All that mail may be delivered to; where that can be any mailbox, it is all (RFC 5465 §6.3).
    case 'INBOXES':
      if (!s.settings.lmtp_save_to_detail_mailbox) return (info) => info.name === 'INBOX'
      return meaningOf({ kind: 'PERSONAL' }, s)
    case 'PERSONAL': {
      const namespaces = s.user.namespaces()
      return (info) => namespaceOf(info.name, namespaces)?.type === 'private'
    }
    case 'SUBSCRIBED': return (info) => info.subscribed
    case 'MAILBOXES': return ({ name }) => filter.names.includes(name)
    case 'SUBTREE': return (info) => filter.names.some((name) => isBelow(info, name))
    case 'SUBTREE-ONE': return (info) => filter.names.some((name) => isBelow(info, name) && !info.name.slice(name.length + info.separator.length).includes(info.separator))
  }
}

/** Whether it is the mailbox `name` or one below that. */
const isBelow = (info: MailboxInfo, name: string): boolean => info.name === name || info.name.startsWith(name + info.separator)
