// Access rights. RFC 4314 §2.1. A user has all rights on mailboxes of one's own, but for those taken by an entry for the user's own
// name; `a` cannot be taken, so that they can be had back. Entries for others are kept for when mailboxes can be shared.
//
// c and d of RFC 2086 stand for the rights that have replaced them (§2.1.1): kx and te.

import { limits } from '../../../runtime/limits.ts'
import { Flag } from '../../user/types.ts'
import type { FlagRights, FlagSet } from '../../user/types.ts'
import { Bad } from './command.ts'
import type { ImapSession } from './command.ts'
import type { Parser } from './grammar.ts'
import { namespaceOf } from './list-response.ts'
import { No } from './result.ts'

/** In the order in which they are told. */
const every = 'lrwstipekxa'
const combined: Readonly<Record<string, string>> = { c: 'kx', d: 'te' }

/** Rights as a client says them → without duplicates, c and d resolved, in order. Throws Bad. */
export function parseRights(text: string): string {
  const said = [...text].map((letter) => combined[letter] ?? letter).join('')
  const unknown = [...said].find((letter) => !every.includes(letter))
  if (unknown !== undefined) throw new Bad(`Invalid right ${unknown}`)
  return ordered(said)
}

/** Rights as they are told: with c and d where something of them is there. */
export const formatRights = (rights: string): string =>
  rights + Object.keys(combined).filter((letter) => [...combined[letter]!].some((one) => rights.includes(one))).join('')

export const union = (one: string, other: string): string => ordered(one + other)
export const without = (one: string, other: string): string => [...one].filter((letter) => !other.includes(letter)).join('')

const ordered = (rights: string): string => [...every].filter((letter) => rights.includes(letter)).join('')

/** identifier = astring: a user's name, or with `-` in front one from whom rights are taken (§2). */
export function identifier(p: Parser): string {
  const name = p.astring('an identifier')
  if (name === '' || name === '-' || /[\x00-\x1f\x7f]/.test(name)) p.fail('Invalid identifier')
  return name.length <= limits.aclIdentifierBytes ? name : p.fail('Identifier is too long')
}

/** Every right, one by one: for LISTRIGHTS. */
export const everyRight: readonly string[] = [...every]

/** The session's user's rights on a mailbox. What is no mailbox has nothing to protect. */
export const ownRights = (name: string, s: ImapSession): string => (s.user.find(name)?.guid === undefined ? every : rightsBy(s.user.acl(name), s))

/** Those that a mailbox's entries leave the session's user. */
export function rightsBy(acl: ReadonlyMap<string, string>, s: ImapSession): string {
  if (acl.size === 0) return every
  const { user } = s.user.account
  return union(without(acl.get(user) ?? every, acl.get(`-${user}`) ?? ''), 'a')
}

export function has(rights: string, name: string, s: ImapSession): boolean {
  const own = ownRights(name, s)
  return [...rights].every((right) => own.includes(right))
}

/** Whether the user has at least one of `rights`. */
export function hasSome(rights: string, name: string, s: ImapSession): boolean {
  const own = ownRights(name, s)
  return [...rights].some((right) => own.includes(right))
}

/** Throws No NOPERM unless the user has all of `rights` on the mailbox. */
export function mustHave(rights: string, name: string, s: ImapSession): void {
  if (!has(rights, name, s)) throw new No('NOPERM', 'Permission denied')
}

/** For the creation of `name`: `k` on the mailbox it comes below, if there is one. */
export function mustHaveParent(name: string, s: ImapSession): void {
  const separator = namespaceOf(name, s.user.namespaces())?.separator ?? '/'
  const end = name.slice(0, -1).lastIndexOf(separator)
  if (end > 0) mustHave('k', name.slice(0, end), s)
}

/** What the user may set or take there: \Seen by s, \Deleted by t, others by w (§4). */
export function flagRights(name: string, s: ImapSession): FlagRights {
  const own = ownRights(name, s)
  let system = 0
  if (own.includes('s')) system |= Flag.Seen
  if (own.includes('t')) system |= Flag.Deleted
  if (own.includes('w')) system |= Flag.Answered | Flag.Flagged | Flag.Draft
  return { system, keywords: own.includes('w') }
}

/** Those of `flags` that the user may set or take there. */
export function permittedFlags({ system, keywords }: FlagSet, name: string, s: ImapSession): FlagSet {
  const may = flagRights(name, s)
  return { system: system & may.system, keywords: may.keywords ? keywords : [] }
}
