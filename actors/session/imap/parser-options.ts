// How a session's commands are parsed, once somebody is logged in.

import type { ImapSession } from './command.ts'
import type { ParserOptions } from './grammar.ts'
import { namespaceOf } from './list-response.ts'
import { speaksUtf8 } from './revision.ts'

/** Applied to mailbox names: tb-extra-mailbox-sep drops one separator at the end. */
export function parserOptionsOf(s: ImapSession): ParserOptions {
  const utf8 = speaksUtf8(s)
  if (!s.needs('tb-extra-mailbox-sep')) return { utf8 }
  const namespaces = s.user.namespaces()
  return {
    utf8,
    adjustMailbox: (name) => {
      const separator = namespaceOf(name, namespaces)?.separator ?? '/'
      return name.endsWith(separator) ? name.slice(0, -separator.length) : name
    },
  }
}
