// Extra fields: `name=value name2=value2`, as in default_fields, override_fields and the last column of a passwd-file.

import type { Fields } from './lookup.ts'

/** The pairs of a list of fields separated by blanks; a name alone has the value `yes`, as Dovecot's booleans do. */
export function parseFields(text: string): Fields {
  const fields: Fields = {}
  for (const word of text.split(/[ \t]+/)) {
    if (word === '' || word.startsWith('=')) continue
    const equals = word.indexOf('=')
    fields[equals < 0 ? word : word.slice(0, equals)] = equals < 0 ? 'yes' : word.slice(equals + 1)
  }
  return fields
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
