// What LIST and LSUB say of mailboxes. RFC 3501 §7.2.2.

import type { NamespaceInfo } from '../../user/types.ts'
import { mailbox, quoted } from './encode.ts'

/** `LIST (attributes) "separator" name`. */
export function listResponse(kind: 'LIST' | 'LSUB', attributes: readonly string[], separator: string, name: string): string {
  return `${kind} (${attributes.join(' ')}) ${quoted(separator)} ${mailbox(name)}`
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
