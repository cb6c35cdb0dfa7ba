// Extra fields: `name=value name2=value2`, as in default_fields, override_fields and the last column of a passwd-file.

import type { Fields } from './lookup.ts'

/** The pairs of a list of fields separated by blanks; a name alone has the value `yes`, as Dovecot's booleans do. */
export const parseFields = (text: string): Fields => Object.fromEntries(pairsOf(text, /[ \t]+/))

const pairsOf = (text: string, separator: string | RegExp): [name: string, value: string][] => text.split(separator).flatMap((word) => {
  const equals = word.indexOf('=')
  return word === '' || equals === 0 ? [] : [equals < 0 ? [word, 'yes'] : [word.slice(0, equals), word.slice(equals + 1)]]
})

/**
 * `known` and then `found`, as Dovecot sets fields one after the other: `x:protected` only where there is no `x` yet, `x:remove`
 * takes it away; `passdb_import` and `userdb_import` are lists of fields, separated by tabs.
 */
export function mergeFields(known: Fields, ...found: readonly Fields[]): Fields {
  const merged = new Map(Object.entries(known))
  const set = (name: string, value: string): void => {
    const [, own = name, how] = /^(.*):(protected|remove)$/s.exec(name) ?? []
    const list = imports.get(own)
    if (how === 'remove') merged.delete(own)
    else if (list !== undefined) for (const [part, text] of pairsOf(value, '\t')) { if (!imports.has(part)) set(`${list}${part}`, text) }
    else if (how === undefined || !merged.has(own)) merged.set(own, value)
  }
  for (const fields of found) for (const [name, value] of Object.entries(fields)) set(name, value)
  return Object.fromEntries(merged)
}

/** Lists of fields, and what is put before the names in them. */
const imports: ReadonlyMap<string, string> = new Map([['passdb_import', ''], ['userdb_import', ''], ['userdb_userdb_import', 'userdb_']])

/** `name` after the fields `user` (a whole name), `username` and `domain` (parts of one). */
export function renamed(name: string, { user, username, domain }: Fields): string {
  let now = user === undefined || user === '' ? name : user
  const at = now.indexOf('@')
  if (username !== undefined && username !== '') now = username.includes('@') || at < 0 ? username : `${username}${now.slice(at)}`
  if (domain !== undefined && domain !== '') now = `${/^[^@]*/.exec(now)![0]}@${domain}`
  return now
}

/** `userdb_x` fields of a passdb under the names they have in a userdb: what the prefetch userdb gives out. */
export function prefetched(fields: Fields): Fields {
  const found: Fields = {}
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith('userdb_')) found[name.slice('userdb_'.length)] = value
  }
  return found
}

/** Whether a boolean field is set: present, and not `no` or `n`. */
export const isSet = (fields: Fields, name: string): boolean => {
  const value = fields[name]
  return value !== undefined && !/^(no|n|false|0)$/i.test(value)
}
