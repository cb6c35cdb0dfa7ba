// Files → a flat list of what they say: each setting with the sections it stands in, the filters it depends on, and the place
// it was written. Includes, `$name` and `<file` are resolved here; what the settings mean is not known yet.

import path from 'node:path'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { glob, readText } from './files.ts'
import { coreSettings } from './settings.ts'
import { format } from './format.ts'
import type { Statement } from './syntax.ts'
import { parse } from './syntax.ts'

/** `protocol imap {`, `remote 10.0.0.0/8 {` …: what must be so for the settings inside to hold. */
export interface Condition { kind: 'protocol' | 'local' | 'remote' | 'local_name'; value: string }

/** One setting, or (without `key`) the beginning of a section or filter, which counts even if it is empty. */
export interface Entry {
  /** All must hold; none: always. */
  conditions: Condition[]
  /** The sections around it: type and name in turn. Sections that are not told apart by name have `#1`, `#2` … */
  path: string[]
  key?: string
  value: string
  /** As it must be written to be read again: `<file` is kept, `$name` is not. */
  shown: string
  /** `file:line` */
  where: string
}

/** The mere beginning of a filter: kept to be checked. */
export const saysNothing = ({ key, path }: Entry): boolean => key === undefined && path.length === 0

export interface Reading { entries: Entry[]; warnings: string[] }

/** Reads a configuration file and all it includes; then `overrides` (`name=value`, `section/name/key=value`). Throws ConfigError. */
export const read = (file: string, overrides: readonly string[] = []): Reading => {
  const reader = new Reader()
  reader.file(path.resolve(file), file)
  overrides.forEach((override) => reader.override(override))
  return { entries: reader.entries, warnings: reader.warnings }
}

interface Scope { conditions: Condition[]; path: string[]; opened: string }

const conditionKinds: readonly string[] = ['protocol', 'local', 'remote', 'local_name']
const isCondition = (kind: string): kind is Condition['kind'] => conditionKinds.includes(kind)

class Reader {
  readonly entries: Entry[] = []
  readonly warnings: string[] = []
  #scopes: Scope[] = [{ conditions: [], path: [], opened: '' }]
  #values = new Map<string, Entry>()
  #including: string[] = []
  #files = 0
  #unnamed = 0

  /** `shown` is how messages name the file. */
  file(absolute: string, shown: string): void {
    if (this.#including.includes(absolute)) throw new ConfigError(`${shown} includes itself`)
    if (this.#including.length >= limits.configDepth) throw new ConfigError(`${shown}: includes are nested more than ${limits.configDepth} deep`)
    if (++this.#files > limits.configFiles) throw new ConfigError(`${shown}: more than ${limits.configFiles} files`)
    const { statements, warnings } = parse(readText(absolute), shown)
    this.warnings.push(...warnings)
    this.#including.push(absolute)
    const depth = this.#scopes.length
    for (const statement of statements) this.#statement(statement, shown, depth)
    if (this.#scopes.length > depth) throw new ConfigError(`${shown}: '}' is missing for the section begun at ${this.#scope.opened}`)
    this.#including.pop()
  }

  override(text: string): void {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/.exec(text) ?? []
    if (name === '') throw new ConfigError(`-o ${text}: expected name=value`)
    const steps = name.trim().split('/')
    this.#add({ conditions: [], path: sectionsOf(steps.slice(0, -1)), key: steps.at(-1)!, value: value.trim(), shown: value.trim(), where: `-o ${name.trim()}` })
  }

  get #scope(): Scope { return this.#scopes.at(-1)! }

  #statement(statement: Statement, file: string, depth: number): void {
    const where = `${file}:${statement.line}`
    switch (statement.kind) {
      case 'set': return this.#set(statement, file, where)
      case 'open': return this.#open(statement.type, statement.name, where)
      case 'include': return this.#include(statement.pattern, statement.optional, file, where)
      case 'close':
        if (this.#scopes.length <= depth) throw new ConfigError(`${where}: unexpected '}'`)
        this.#scopes.pop()
    }
  }

  #open(type: string, name: string, where: string): void {
    if (this.#scopes.length > limits.configDepth) throw new ConfigError(`${where}: sections are nested more than ${limits.configDepth} deep`)
    const { conditions, path: around } = this.#scope
    if (isCondition(type)) return this.#condition(type, name, where)
    const label = type === 'plugin' || type === 'dict' ? '' : this.#label(type, name, around, conditions, where)
    const scope = { conditions, path: [...around, type, label], opened: where }
    this.#scopes.push(scope)
    this.#add({ conditions, path: scope.path, value: '', shown: name, where })
  }

  #condition(kind: Condition['kind'], value: string, where: string): void {
    const { conditions, path: around } = this.#scope
    if (around.length > 0) throw new ConfigError(`${where}: ${kind} {} cannot stand in ${around[0]} {} (put ${around[0]} {} into ${kind} {})`)
    if (value === '') throw new ConfigError(`${where}: ${kind} {} needs a value`)
    if (kind === 'protocol' && conditions.some((outer) => outer.kind === 'protocol')) throw new ConfigError(`${where}: protocol {} cannot stand in protocol {}`)
    const scope = { conditions: [...conditions, { kind, value }], path: [], opened: where }
    this.#scopes.push(scope)
    this.#add({ ...scope, value: '', shown: value, where })
  }

  /** Databases and nameless sections are each a new one; all others are the same if they have the same name. */
  #label(type: string, name: string, around: string[], conditions: Condition[], where: string): string {
    if (name === '') return `#${++this.#unnamed}`
    if (name.startsWith('#')) throw new ConfigError(`${where}: the name of a section cannot begin with '#'`)
    const database = type === 'passdb' || type === 'userdb'
    if (database && this.#values.has(keyOf(conditions, [...around, type, name]))) throw new ConfigError(`${where}: there is a ${type} ${name} already`)
    return name
  }

  #set({ key, value, quoted }: Statement & { kind: 'set' }, file: string, where: string): void {
    const { conditions, path: around } = this.#scope
    const entry = { conditions, path: around, key, where, value, shown: value }
    if (!quoted && value.startsWith('<')) {
      try {
        entry.value = readText(path.resolve(path.dirname(file), value.slice(1).trim()))
      } catch (error) {
        throw new ConfigError(`${where}: ${key}: ${messageOf(error)}`)
      }
    } else if (!quoted && /(^|\s)\$/.test(value)) {
      entry.value = entry.shown = this.#expanded(value, where)
    }
    this.#add(entry)
  }

  /** `$mail_plugins quota`: the value that is in force here at this point, then the rest. */
  #expanded(value: string, where: string): string {
    const words = value.split(/\s+/).map((word) => (word.startsWith('$') ? this.#current(word.slice(1), where) : word))
    return words.filter((word) => word !== '').join(' ')
  }

  #current(name: string, where: string): string {
    if (name.startsWith('ENV:')) return process.env[name.slice(4)] ?? ''
    const { conditions, path: around } = this.#scope
    for (let outer = conditions.length; outer >= 0; outer--) {
      const within = conditions.slice(0, outer)
      const entry = this.#values.get(keyOf(within, around, name)) ?? this.#values.get(keyOf(within, [], name))
      if (entry) return entry.value
    }
    if (!Object.hasOwn(coreSettings, name)) throw new ConfigError(`${where}: $${name} is not a setting`)
    const setting = coreSettings[name as keyof typeof coreSettings]
    return format(setting, setting.default)
  }

  #add(entry: Entry): void {
    this.entries.push(entry)
    this.#values.set(keyOf(entry.conditions, entry.path, entry.key), entry)
  }

  #include(pattern: string, optional: boolean, file: string, where: string): void {
    const files = glob(path.resolve(path.dirname(file), pattern))
    if (files.length === 0 && !optional) throw new ConfigError(`${where}: no file matches '${pattern}'`)
    for (const found of files) {
      try {
        this.file(found, path.isAbsolute(file) ? found : path.relative('', found))
      } catch (error) {
        // An error of the included file names its own line; one about it names the line that asked for it.
        const message = messageOf(error)
        throw new ConfigError(/^[^\s]+:\d+: /.test(message) ? message : `${where}: ${message}`)
      }
    }
  }
}

const keyOf = (conditions: readonly Condition[], around: readonly string[], key?: string): string =>
  JSON.stringify([conditions.map(({ kind, value }) => [kind, value]), around, key])

/** `plugin/x` of an override stands for the one nameless section. */
const sectionsOf = (steps: string[]): string[] => (steps.length === 1 && (steps[0] === 'plugin' || steps[0] === 'dict') ? [steps[0], ''] : steps)
