// LIST. RFC 3501 §6.3.8, with CHILDREN (RFC 3348) and SPECIAL-USE in the plain form (RFC 6154 §2).

import { command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { mailbox } from '../encode.ts'
import { attributesOf, listResponse, namespaceOf } from '../list-response.ts'
import { compilePattern } from '../pattern.ts'

/** An empty pattern asks for the separator, and the root of the reference. */
function listRoot(reference: string, s: ImapSession): void {
  const namespaces = s.user.namespaces()
  const namespace = namespaceOf(reference, namespaces) ?? namespaces.find((n) => n.inbox) ?? namespaces[0]
  const prefix = namespace?.prefix ?? ''
  const root = prefix !== '' && reference.startsWith(prefix) ? prefix : ''
  s.send(listResponse('LIST', ['\\Noselect'], namespace?.separator ?? '/', root))
}

export default command({
  name: 'LIST', capability: ['CHILDREN', 'SPECIAL-USE'], states: ['authenticated'], flags: 0,
  parse: (p) => ({ reference: p.sp().rawMailbox(), pattern: p.sp().listMailbox() }),
  log: ({ reference, pattern }) => `${mailbox(reference)} ${mailbox(pattern)}`,
  async run({ reference, pattern }, s) {
    if (pattern === '') {
      listRoot(reference, s)
      return ok('List completed.')
    }
    const matches = compilePattern(reference + pattern)
    const namespaces = s.user.namespaces()
    for (const info of s.user.list()) {
      if (!matches(info.name, info.separator)) continue
      const namespace = namespaceOf(info.name, namespaces)
      // `list = no` hides a namespace from those who do not name it.
      if (namespace !== undefined && !namespace.list && !reference.concat(pattern).startsWith(namespace.prefix)) continue
      s.send(listResponse('LIST', attributesOf(info), info.separator, info.name))
      const slow = s.flush()
      if (slow !== undefined) await slow
    }
    return ok('List completed.')
  },
})
