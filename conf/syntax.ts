// The line grammar of Dovecot 2.3's configuration files. A line is one of
//   key = value            key = "quoted \"value\""            key = <file            key = $other more
//   type name {            type "quoted name" {                type {
//   }
//   !include pattern       !include_try pattern
// A `#` that begins a word begins a comment, unless it is in quotes; a backslash at the end joins the next line.
// Two things are as they are in 2.3, and not as one would expect: a section cannot stand on one line, and a value counts as
// quoted only if it is so from its first to its last character.
// Checked against doveconf 2.3.19; see test/unit/conf/syntax.test.ts.

import { ConfigError } from '../runtime/errors.ts'

/** Line numbers begin with 1; of a continued line it is the last one's, as in Dovecot's messages. */
export type Statement =
  /** `quoted`: the value is taken as it is: no `$name`, no `<file`. */
  | { kind: 'set'; key: string; value: string; quoted: boolean; line: number }
  | { kind: 'open'; type: string; name: string; line: number }
  | { kind: 'close'; line: number }
  | { kind: 'include'; pattern: string; optional: boolean; line: number }

export interface Parsed { statements: Statement[]; warnings: string[] }

/** Parses one file's text. Throws ConfigError (`file:line: …`) at the first line that is no statement. */
export const parse = (source: string, file: string): Parsed => {
  const statements: Statement[] = []
  const warnings: string[] = []
  let begun = ''
  source.split('\n').forEach((physical, index) => {
    const at = `${file}:${index + 1}`
    const { content, ambiguous } = withoutComment(physical)
    if (ambiguous) warnings.push(`${at}: '#' inside a word begins a comment here; put a blank before it, or the value in quotes`)
    if (content === '') {
      if (begun !== '') throw new ConfigError(`${at}: the line above ends with a backslash, but no value follows`)
      return
    }
    if (content.endsWith('\\')) {
      begun += `${content.slice(0, -1).trimEnd()} `
      return
    }
    statements.push(statement(begun + content, index + 1, at))
    begun = ''
  })
  if (begun !== '') throw new ConfigError(`${file}: the file ends with a backslash`)
  return { statements, warnings }
}

const blank = /[ \t\r\v\f]/

/** A physical line without comment and surrounding blanks. */
const withoutComment = (line: string): { content: string; ambiguous: boolean } => {
  const text = line.trim()
  if (text.startsWith('#')) return { content: '', ambiguous: false }
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (char === '#') return { content: text.slice(0, i).trimEnd(), ambiguous: !blank.test(text[i - 1]!) }
    if (char === '"' || char === "'") i = endOfQuote(text, i)
  }
  return { content: text, ambiguous: false }
}

/** Position of the quote that closes the one at `start`; the end of the text if none does. */
const endOfQuote = (text: string, start: number): number => {
  let i = start + 1
  while (i < text.length && text[i] !== text[start]) i += text[i] === '\\' ? 2 : 1
  return i
}

const statement = (text: string, line: number, at: string): Statement => {
  if (text === '}') return { kind: 'close', line }
  const [, key = '', rest = ''] = /^([^\s=]*)\s*(.*)$/s.exec(text) ?? []
  if (key === '!include' || key === '!include_try') {
    if (rest === '') throw new ConfigError(`${at}: ${key} without a file`)
    return { kind: 'include', pattern: unquote(rest).value, optional: key === '!include_try', line }
  }
  if (rest.startsWith('=')) {
    if (key === '') throw new ConfigError(`${at}: no name before '='`)
    return { kind: 'set', key, ...unquote(rest.slice(1).trim()), line }
  }
  if (key.startsWith('}')) throw new ConfigError(`${at}: garbage after '}'`)
  return section(key, rest, line, at)
}

const section = (type: string, rest: string, line: number, at: string): Statement => {
  const end = rest.startsWith('"') ? endOfQuote(rest, 0) + 1 : rest.startsWith('{') ? 0 : rest.search(/\s|$/)
  const name = rest.slice(0, end)
  const brace = rest.slice(end).trimStart()
  if (!brace.startsWith('{')) {
    const hint = type.endsWith('{') || name.endsWith('{') ? " (put a blank before '{')" : ''
    throw new ConfigError(`${at}: expected '${type} = value' or '${type} name {'${hint}`)
  }
  if (brace !== '{') throw new ConfigError(`${at}: garbage after '{' (each setting and each '}' has a line of its own)`)
  return { kind: 'open', type, name: unquote(name).value, line }
}

/** `"a \"b\""` and `'a'` without their quotes and backslashes. */
const unquote = (text: string): { value: string; quoted: boolean } => {
  const quote = text[0]
  if (text.length < 2 || (quote !== '"' && quote !== "'") || text.at(-1) !== quote) return { value: text, quoted: false }
  return { value: text.slice(1, -1).replace(/\\(.)/gs, '$1'), quoted: true }
}

/** A value as it must be written to be read back the same. */
export const quote = (value: string): string =>
  value !== value.trim() || /[#\r]|^["'<]|\\$|(^|\s)\$/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : value
