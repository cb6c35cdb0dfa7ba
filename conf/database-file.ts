// The files that `args` of a passdb or userdb name (dovecot-ldap.conf.ext, dovecot-sql.conf.ext, dovecot-oauth2.conf.ext): the line
// grammar of the main configuration, without sections, includes and `$name`. Errors name file and line, and the nearest
// setting; all of them are told at once.

import { ConfigError, messageOf } from '../runtime/errors.ts'
import { convert } from './format.ts'
import { nearest } from './nearest.ts'
import type { Table, Values } from './setting.ts'
import { defaultsOf } from './setting.ts'
import type { Statement } from './syntax.ts'
import { parse } from './syntax.ts'

export interface DatabaseFile<T extends Table> {
  path: string
  settings: Values<T>
  /** `file:line` of a setting, or the file alone where it has its default. */
  where(name: keyof T & string): string
  /** Whether the file says anything of a setting. */
  given(name: keyof T & string): boolean
  /** Lines for the log at start: doubtful lines, settings that Culver does not act on. */
  notes: string[]
}

export interface Kind<T extends Table> {
  /** For messages: `an LDAP file`. */
  name: string
  table: T
  /** What is right by itself, and cannot be together: a line for each, with its place. */
  contradictions(file: DatabaseFile<T>): string[]
}

/** Reads and checks the text of a file. Throws ConfigError, a line for each error. */
export function parseDatabaseFile<T extends Table>(source: string, path: string, kind: Kind<T>): DatabaseFile<T> {
  const { statements, warnings } = parse(source, path)
  const lines = new Map<string, number>()
  const settings = defaultsOf(kind.table)
  const errors = statements.flatMap((statement) => {
    const reason = take(statement, settings, kind)
    if (statement.kind === 'set') lines.set(statement.key, statement.line)
    return reason === undefined ? [] : [`${path}:${statement.line}: ${reason}`]
  })
  const file: DatabaseFile<T> = {
    path, settings, notes: warnings,
    where: (name) => (lines.has(name) ? `${path}:${lines.get(name)}` : path),
    given: (name) => lines.has(name),
  }
  if (errors.length === 0) errors.push(...kind.contradictions(file))
  if (errors.length > 0) throw new ConfigError(errors.join('\n'))
  for (const [name, row] of Object.entries(kind.table)) {
    if (!row.acts && settings[name] !== row.default) file.notes.push(`${file.where(name)}: ${name} has no effect`)
  }
  return file
}

/** Puts one statement into `settings`; why it cannot, otherwise. */
function take<T extends Table>(statement: Statement, settings: Values<T>, { name, table }: Kind<T>): string | undefined {
  if (statement.kind === 'open' || statement.kind === 'close') return `${name} has no sections`
  if (statement.kind === 'include') return `${name} cannot include others`
  const { key, value } = statement
  const row = Object.hasOwn(table, key) ? table[key] : undefined
  if (row === undefined) {
    const meant = nearest(key, Object.keys(table))
    return `unknown setting '${key}'${meant === undefined ? '' : `; did you mean '${meant}'?`}`
  }
  try {
    Object.assign(settings, { [key]: convert(row, value) })
    return undefined
  } catch (error) {
    return `${key}: ${messageOf(error)}`
  }
}
