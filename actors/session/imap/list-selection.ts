// Which mailboxes a LIST shows. RFC 5258 §3.1, §3.5, §5.
//
// A name is shown if it matches a pattern and meets the selection's criteria. With RECURSIVEMATCH a matching name is shown
// as well if something below it meets them, with CHILDINFO: but where all of that is shown itself, a name that does not meet
// them is left out (§5 asks to spare the client what it knows).

import type { MailboxInfo } from '../../user/types.ts'
import type { ImapSession } from './command.ts'
import type { Criterion, ListArguments } from './list-arguments.ts'
import { namespaceOf } from './list-response.ts'
import { compilePattern } from './pattern.ts'
import { has } from './rights.ts'

/** A mailbox to show. `childInfo`: something below it meets the criteria. */
export interface Shown { readonly info: MailboxInfo; readonly childInfo: boolean }

const meetsOne: Readonly<Record<Criterion, (info: MailboxInfo) => boolean>> = {
  SUBSCRIBED: ({ subscribed }) => subscribed,
  'SPECIAL-USE': ({ specialUse }) => specialUse.length > 0,
}

/** In the order of the mailbox list; subscribed names without a mailbox behind it. */
export function selectMailboxes(args: ListArguments, s: ImapSession): Shown[] {
  const { criteria, recursive } = args
  const matching = matcherOf(args, s)
  const infos = criteria.includes('SUBSCRIBED') ? withSubscribed(s.user.list(), s) : s.user.list()
  const meets = (info: MailboxInfo): boolean => criteria.every((one) => meetsOne[one](info))
  if (!recursive) return infos.filter((info) => meets(info) && matching(info)).map((info) => ({ info, childInfo: false }))
  const below = { any: new Set<string>(), hidden: new Set<string>() }
  for (const info of infos) {
    if (!meets(info)) continue
    const hidden = !matching(info)
    for (const parent of parentsOf(info)) {
      below.any.add(parent)
      if (hidden) below.hidden.add(parent)
    }
  }
  return infos
    .filter((info) => matching(info) && (meets(info) || below.hidden.has(info.name)))
    .map((info) => ({ info, childInfo: below.any.has(info.name) }))
}

function matcherOf({ reference, patterns }: ListArguments, s: ImapSession): (info: MailboxInfo) => boolean {
  const wanted = patterns.filter((pattern) => pattern !== '').map((pattern) => ({ text: reference + pattern, matches: compilePattern(reference + pattern) }))
  const namespaces = s.user.namespaces()
  return ({ name, separator }) => wanted.some(({ text, matches }) => {
    if (!matches(name, separator) || !has('l', name, s)) return false
    // `list = no` hides a namespace from those who do not name it.
    const namespace = namespaceOf(name, namespaces)
    return namespace === undefined || namespace.list || text.startsWith(namespace.prefix)
  })
}

/** The mailboxes, and the subscribed names that are none, with the parents that these lack. */
function withSubscribed(infos: readonly MailboxInfo[], s: ImapSession): readonly MailboxInfo[] {
  const known = new Set(infos.map(({ name }) => name))
  const more: MailboxInfo[] = []
  const namespaces = s.user.namespaces()
  const add = (name: string, separator: string, subscribed: boolean): void => {
    if (known.has(name)) return
    known.add(name)
    more.push({ name, separator, noSelect: true, hasChildren: !subscribed, subscribed, specialUse: [] })
  }
  const subscriptions = s.user.subscriptions()
  for (const name of subscriptions) add(name, namespaceOf(name, namespaces)?.separator ?? '/', true)
  for (const info of [...more]) for (const parent of parentsOf(info)) add(parent, info.separator, false)
  return more.length === 0 ? infos : [...infos, ...more]
}

function* parentsOf({ name, separator }: MailboxInfo): Generator<string> {
  for (let end = name.lastIndexOf(separator); end > 0; end = name.lastIndexOf(separator, end - 1)) yield name.slice(0, end)
}
