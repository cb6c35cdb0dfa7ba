// A configuration as text, laid out as doveconf does: names in alphabetical order, sections among them, two blanks a level,
// filters at the end. What is printed (with secrets) can be read back and means the same.

import { knownServiceEntries } from './build.ts'
import type { Variables } from './expand.ts'
import { expand, isPerUser } from './expand.ts'
import { convert, format } from './format.ts'
import { rowOf, sectionKind } from './grammar.ts'
import type { Condition, Entry } from './read.ts'
import { saysNothing } from './read.ts'
import type { Setting, Table } from './setting.ts'
import { quote } from './syntax.ts'

export interface DumpOptions {
  /** Everything, or only what differs from the defaults. */
  all: boolean
  /** Show passwords. */
  secrets: boolean
  /** After each value the place it comes from, as a comment. */
  where: boolean
  /** Expand %variables in what is expanded for a user. */
  variables?: Variables
}

/** A setting ready to be printed. */
interface Value { text: string; where: string }

interface Section {
  type: string
  /** Empty: none. */
  name: string
  table: Table
  values: Map<string, Value>
  sections: Map<string, Section>
}

/** Entries without conditions, as text. */
export const dump = (entries: readonly Entry[], options: DumpOptions): string[] => print(tree(entries, options), options, '')

/** Entries with conditions, each filter as a block: all that is set in it, default or not. */
export const dumpFilters = (entries: readonly Entry[], options: DumpOptions): string[] => {
  const filters = new Map<string, Entry[]>()
  for (const entry of entries) {
    if (entry.conditions.length === 0 || saysNothing(entry)) continue
    const id = JSON.stringify(entry.conditions)
    filters.set(id, [...filters.get(id) ?? [], entry])
  }
  return [...filters.values()].flatMap((inside) => {
    const { conditions } = inside[0]!
    const blocks = conditions.map(({ kind, value }: Condition, depth) => `${'  '.repeat(depth)}${kind} ${quoteName(value)} {`)
    const section = collect(inside, options)
    const ends = conditions.map((_, depth) => `${'  '.repeat(depth)}}`).reverse()
    return [...blocks, ...print(section, options, '  '.repeat(conditions.length)), ...ends]
  })
}

/**
 * One setting's value (`mail_home`, `plugin/obox_fs`, `service/lmtp/client_limit`) or the lines of a section (`service/lmtp`,
 * `plugin`, all sections of a type); undefined if there is none of that name.
 */
export const find = (entries: readonly Entry[], name: string, options: DumpOptions): { value: string; where: string } | { lines: string[] } | undefined => {
  let section = tree(entries, options)
  const steps = name.split('/')
  while (steps.length > 0) {
    const value = steps.length === 1 ? section.values.get(steps[0]!) : undefined
    if (value !== undefined) return { value: value.text, where: value.where }
    const inner = [...section.sections.values()].filter(({ type }) => type === steps[0])
    const nameless = inner.length === 1 && inner[0]!.name === ''
    if (steps.length === 1) return inner.length === 0 ? undefined : { lines: inner.flatMap((each) => printSection(each, options, '')) }
    const chosen = nameless ? inner[0] : inner.find((each) => each.name === steps[1])
    if (chosen === undefined) return undefined
    steps.splice(0, nameless ? 1 : 2)
    if (steps.length === 0) return { lines: printSection(chosen, options, '') }
    section = chosen
  }
  return undefined
}

/** Everything, the defaults included; print leaves out what is not asked for. */
const tree = (entries: readonly Entry[], options: DumpOptions): Section => {
  const known = knownServiceEntries()
  const top = collect([...options.all ? known : [], ...entries], options)
  if (options.all) addDefaults(top, options)
  else removeDefaults(top, new Map(known.map((entry) => [idOf(entry.path, entry.key), entry.value])), options)
  return top
}

const collect = (entries: readonly Entry[], options: DumpOptions): Section => {
  const top: Section = { type: '', name: '', table: tableOf([]), values: new Map(), sections: new Map() }
  for (const entry of entries) {
    let section = top
    for (let i = 0; i < entry.path.length; i += 2) {
      const [type, label] = [entry.path[i]!, entry.path[i + 1] ?? '']
      const id = `${type}/${label}`
      let inner = section.sections.get(id)
      if (inner === undefined) {
        inner = { type, name: label.startsWith('#') ? '' : label, table: tableOf(entry.path.slice(0, i + 2)), values: new Map(), sections: new Map() }
        section.sections.set(id, inner)
      }
      section = inner
    }
    if (entry.key !== undefined) section.values.set(entry.key, valueOf(entry, section, options))
  }
  return top
}

const tableOf = (path: readonly string[]): Table => {
  const found = sectionKind(path)
  return 'kind' in found ? found.kind.table : {}
}

const valueOf = ({ key, value, shown, where, path }: Entry, { table }: Section, options: DumpOptions): Value => {
  const row = rowOf(table, key!)
  const literal = row === undefined || ['text', 'path', 'list', 'choice'].includes(row.kind)
  const perUser = options.variables !== undefined && (path[0] === 'plugin' || row?.perUser === true || isPerUser(key!))
  if (path[0] === 'plugin' && !perUser) return { text: options.secrets ? written(value, shown) : hidden(written(value, shown), row), where }
  const text = perUser ? quote(expand(value, options.variables!)) : shown !== value || literal ? written(value, shown) : format(row, convert(row, value))
  return { text: options.secrets ? text : hidden(text, row), where }
}

/** A value taken from a file is printed as `<file`. */
const written = (value: string, shown: string): string => (shown === value ? quote(value) : shown)

/** As doveconf hides: passwords in URLs and arguments, and the settings that are nothing else. */
const hidden = (text: string, row: Setting<unknown> | undefined): string => {
  if (row?.secret === true && text !== '') return '# hidden, use -P to show it'
  return text.replace(/:\/\/[^/\s]*@/g, '://#hidden_use-P_to_show#@').replace(/(^|[\s:])((?:user)?pass(?:word)?)=[^\s:]+/g, '$1$2=#hidden_use-P_to_show#')
}

const addDefaults = (section: Section, options: DumpOptions): void => {
  if (section.type !== 'plugin') {
    for (const [key, row] of Object.entries(section.table)) {
      if (!section.values.has(key)) section.values.set(key, valueOf({ key, value: textOf(row), shown: textOf(row), where: 'default', path: [], conditions: [] }, section, options))
    }
  }
  section.sections.forEach((inner) => addDefaults(inner, options))
}

const textOf = (row: Setting<unknown>): string => format(row, row.default)

/** `known`: what services have by default where it is not the table's default. */
const removeDefaults = (section: Section, known: ReadonlyMap<string, string>, options: DumpOptions, path: readonly string[] = []): void => {
  if (section.type !== 'plugin') {
    for (const [key, { text }] of section.values) {
      const row = rowOf(section.table, key)
      if (row === undefined) continue
      const value = known.get(idOf(path, key)) ?? textOf(row)
      const standard = valueOf({ key, value, shown: value, where: '', path: [...path], conditions: [] }, section, options)
      if (standard.text === text) section.values.delete(key)
    }
  }
  section.sections.forEach((inner) => removeDefaults(inner, known, options, [...path, inner.type, inner.name]))
}

const idOf = (path: readonly string[], key: string | undefined): string => JSON.stringify([path, key])

const print = (section: Section, options: DumpOptions, indent: string): string[] => {
  const values = [...section.values].map(([key, { text, where }]) =>
    ({ name: key, lines: [`${indent}${key} = ${text}${options.where ? ` # ${where}` : ''}`] }))
  const sections = [...section.sections.values()].map((inner) => ({ name: orderOf(inner), lines: printSection(inner, options, indent) }))
  return [...values, ...sections].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)).flatMap(({ lines }) => lines)
}

/** Databases, namespaces and mailboxes keep the order of the file: it means something. */
const orderOf = ({ type, name }: Section): string => (['passdb', 'userdb', 'namespace', 'mailbox'].includes(type) ? type : `${type} ${name}`)

const printSection = (section: Section, options: DumpOptions, indent: string): string[] => {
  const name = section.name === '' ? '' : `${quoteName(section.name)} `
  return [`${indent}${section.type} ${name}{`, ...print(section, options, `${indent}  `), `${indent}}`]
}

const quoteName = (name: string): string => (/^[^\s"'{}#\\=]+$/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`)
