// What LIST and LSUB say of mailboxes. RFC 3501 §7.2.2, RFC 3348 (CHILDREN), RFC 6154 (SPECIAL-USE).

import type { MailboxInfo, NamespaceInfo } from '../../user/types.ts'
import { mailbox, quoted } from './encode.ts'

/** `LIST (attributes) "separator" name`. */
export function listResponse(kind: 'LIST' | 'LSUB', attributes: readonly string[], separator: string, name: string): string {
  return `${kind} (${attributes.join(' ')}) ${quoted(separator)} ${mailbox(name)}`
}

/** Attributes of a mailbox in LIST. */
export function attributesOf(info: MailboxInfo): string[] {
  const attributes = info.noSelect || info.guid === undefined ? ['\\Noselect'] : []
  attributes.push(info.hasChildren ? '\\HasChildren' : '\\HasNoChildren', ...info.specialUse)
  return attributes
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
