// NAMESPACE. RFC 2342: personal, other users', shared.

import type { NamespaceInfo } from '../../../user/types.ts'
import { command, ok } from '../command.ts'
import { encodeMailboxName } from '../mailbox-name.ts'
import { quoted, utf8 } from '../encode.ts'
import { speaksUtf8 } from '../revision.ts'
import type { Speaker } from '../revision.ts'

function listed(namespaces: readonly NamespaceInfo[], type: NamespaceInfo['type'], to: Speaker): string {
  const own = namespaces.filter((n) => n.type === type && !n.hidden)
  if (own.length === 0) return 'NIL'
  return `(${own.map(({ prefix, separator }) => `(${quoted(speaksUtf8(to) ? utf8(prefix) : encodeMailboxName(prefix))} ${quoted(separator)})`).join('')})`
}

export default command({
  name: 'NAMESPACE', capability: 'NAMESPACE', states: ['authenticated'], flags: 0,
  parse: () => undefined,
  run(_, s) {
    const namespaces = s.user.namespaces()
    s.send(`NAMESPACE ${listed(namespaces, 'private', s)} ${listed(namespaces, 'shared', s)} ${listed(namespaces, 'public', s)}`)
    return ok('Namespace completed.')
  },
})
