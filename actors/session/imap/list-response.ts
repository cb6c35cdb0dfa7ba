// What LIST and LSUB say of mailboxes. RFC 3501 §7.2.2; RFC 9051 §7.3.1.

import type { MailboxInfo, NamespaceInfo } from '../../user/types.ts'
import { mailbox, quoted } from './encode.ts'
import type { Speaker } from './revision.ts'

/** `LIST (attributes) "separator" name`. */
export function listResponse(kind: 'LIST' | 'LSUB', attributes: readonly string[], separator: string, name: string, to: Speaker): string {
  return `${kind} (${attributes.join(' ')}) ${quoted(separator)} ${mailbox(name, to)}`
}

/** The namespace a name belongs to: the one with the longest prefix of it. */
export function namespaceOf(name: string, namespaces: readonly NamespaceInfo[]): NamespaceInfo | undefined {
  let best: NamespaceInfo | undefined
  for (const namespace of namespaces) {
    const { prefix, separator } = namespace
    const within = name.startsWith(prefix) || name + separator === prefix || (namespace.inbox && name === 'INBOX')
    if (within && (best === undefined || prefix.length > best.prefix.length)) best = namespace
  }
  return best
}

/**
 * LIST of one mailbox, by which IMAP4rev2 names it: SELECT of the selected one (RFC 9051 §6.3.2), RENAME with its old name, CREATE with the
 * name that was asked for where it has become another (§6.3.9.7).
 */
export function listOne(info: MailboxInfo, to: Speaker, oldName?: string): string {
  const attributes = [...info.subscribed ? ['\\Subscribed'] : [], ...info.guid === undefined ? ['\\NonExistent'] : [], info.hasChildren ? '\\HasChildren' : '\\HasNoChildren', ...info.specialUse]
  const response = listResponse('LIST', attributes, info.separator, info.name, to)
  return oldName === undefined ? response : `${response} ("OLDNAME" (${mailbox(oldName, to)}))`
}
