// LSUB. RFC 3501 §6.3.9: subscribed names, existing or not. Where `%` matches the parent of a subscribed name that does not
// match itself, the parent is shown as \Noselect.

import { command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { mailbox } from '../encode.ts'
import { listResponse, namespaceOf } from '../list-response.ts'
import { compilePattern } from '../pattern.ts'
import type { Matcher } from '../pattern.ts'

/** The first parent of `name` that matches. */
function matchingParent(name: string, separator: string, matches: Matcher): string | undefined {
  for (let at = name.indexOf(separator, 1); at >= 0; at = name.indexOf(separator, at + separator.length)) {
    const parent = name.slice(0, at)
    if (matches(parent, separator)) return parent
  }
  return undefined
}

/** Names to show with their attributes, in the order of the subscriptions. */
function subscribed(matches: Matcher, s: ImapSession): Map<string, { separator: string; attributes: string[] }> {
  const shown = new Map<string, { separator: string; attributes: string[] }>()
  const namespaces = s.user.namespaces()
  const mark = s.needs('tb-lsub-flags')
  const selectable = (name: string): boolean => {
    const info = s.user.find(name)
    return info?.guid !== undefined && !info.noSelect
  }
  for (const name of s.user.subscriptions()) {
    const separator = namespaceOf(name, namespaces)?.separator ?? '/'
    if (matches(name, separator)) {
      shown.set(name, { separator, attributes: mark && !selectable(name) ? ['\\Noselect'] : [] })
      continue
    }
    const parent = matchingParent(name, separator, matches)
    if (parent !== undefined && !shown.has(parent)) shown.set(parent, { separator, attributes: ['\\Noselect'] })
  }
  return shown
}

export default command({
  name: 'LSUB', states: ['authenticated'], flags: 0,
  parse: (p) => ({ reference: p.sp().rawMailbox(), pattern: p.sp().listMailbox() }),
  log: ({ reference, pattern }) => `${mailbox(reference)} ${mailbox(pattern ?? '')}`,
  async run({ reference, pattern }, s) {
    const matches = pattern === undefined ? () => false : compilePattern(reference + pattern)
    for (const [name, { separator, attributes }] of subscribed(matches, s)) {
      s.send(listResponse('LSUB', attributes, separator, name, s))
      const slow = s.flush()
      if (slow !== undefined) await slow
    }
    return ok('Lsub completed.')
  },
})
