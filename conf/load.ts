// A configuration, loaded: `loadConfig` reads and checks it once, `settingsFor` gives the settings in force for a connection.
//
// Of several filters that hold, the more specific one wins, whatever the order in the file: local_name, then the longest local
// network, then the longest remote network, then protocol. (Dovecot has the same order, and refuses a few cases as conflicts.)
// Paths that begin with `./` are relative to the directory in which the process was started, wherever the file lies.

import { ConfigError } from '../runtime/errors.ts'
import { build } from './build.ts'
import { check } from './check.ts'
import { loadClients } from './clients.ts'
import type { ClientProfile } from './clients.ts'
import { contains, parseNetwork } from './network.ts'
import type { Condition, Entry } from './read.ts'
import { read, saysNothing } from './read.ts'
import type { Settings } from './settings.ts'

/** Structured-clonable. */
export interface Config {
  /** As given to loadConfig. */
  path: string
  /** Lines for the log: `file:line: …`. Nothing that must stop the server. */
  warnings: string[]
  /** Settings that Culver knows and does not act on yet: `name (file:line)`. To be told at start. */
  notActedOn: string[]
  entries: Entry[]
  /** What is known of mail programs. */
  clients: readonly ClientProfile[]
}

/** What is known of a connection. What is not given matches no filter. */
export interface Connection { protocol?: string; localIp?: string; remoteIp?: string; localName?: string }

/**
 * Reads, checks. `overrides`: `name=value` and `section/name/key=value` (`plugin/obox_fs=…`), as `-o` has them.
 * Throws ConfigError whose message has one line for each error, `file:line: …`.
 */
export const loadConfig = (path: string, overrides: readonly string[] = []): Config => {
  const { entries, warnings } = read(path, overrides)
  const findings = check(entries)
  if (findings.errors.length > 0) throw new ConfigError(findings.errors.join('\n'))
  const config = { path, warnings: [...warnings, ...findings.warnings], notActedOn: findings.idle, entries, clients: loadClients() }
  const inboxes = settingsFor(config, {}).namespace.filter((namespace) => namespace.inbox)
  if (inboxes.length !== 1) {
    const names = inboxes.map(({ name }) => `namespace ${name}`).join(', ')
    throw new ConfigError(`${path}: ${inboxes.length === 0 ? 'no namespace has inbox = yes' : `more than one namespace has inbox = yes: ${names}`}`)
  }
  return config
}

/** By config, then by the filters that hold: connections with the same ones share one (read-only) object. */
const cache = new WeakMap<Config, Map<string, Settings>>()

/** The settings in force for a connection. The result is shared: do not change it. */
export const settingsFor = (config: Config, connection: Connection): Settings => {
  const filters = filtersOf(config)
  const holding = filters.filter(({ conditions }) => conditions.every((condition) => holds(condition, connection)))
  const key = holding.map(({ id }) => id).join('\n')
  const known = cache.get(config) ?? new Map<string, Settings>()
  cache.set(config, known)
  let settings = known.get(key)
  if (settings === undefined) known.set(key, settings = build(entriesOf(config, holding.map(({ id }) => id))))
  return settings
}

/** The entries that hold for a connection, the most general first. */
export const entriesFor = (config: Config, connection: Connection): Entry[] =>
  entriesOf(config, filtersOf(config).filter(({ conditions }) => conditions.every((condition) => holds(condition, connection))).map(({ id }) => id))

interface Filter { id: string; conditions: Condition[] }

const filterCache = new WeakMap<Config, Filter[]>()

/** All filters that occur, the most general first; of equals, the later one in the file comes later and wins. */
const filtersOf = (config: Config): Filter[] => {
  const known = filterCache.get(config)
  if (known !== undefined) return known
  const filters = new Map<string, Filter>()
  for (const entry of config.entries) {
    const { conditions } = entry
    const id = idOf(conditions)
    if (conditions.length > 0 && !saysNothing(entry) && !filters.has(id)) filters.set(id, { id, conditions })
  }
  const sorted = [...filters.values()].sort((a, b) => compare(weight(a), weight(b)))
  filterCache.set(config, sorted)
  return sorted
}

const entriesOf = (config: Config, filters: readonly string[]): Entry[] => {
  const rank = new Map(filters.map((id, index) => [id, index + 1]))
  rank.set(idOf([]), 0)
  const ranked = config.entries.flatMap((entry) => {
    const place = rank.get(idOf(entry.conditions))
    return place === undefined ? [] : [{ entry, place }]
  })
  // Overrides of the command line are entries without conditions, and hold against all filters.
  const override = ({ where }: Entry): boolean => where.startsWith('-o ')
  return ranked.sort((a, b) => Number(override(a.entry)) - Number(override(b.entry)) || a.place - b.place).map(({ entry }) => entry)
}

const idOf = (conditions: readonly Condition[]): string => JSON.stringify(conditions.map(({ kind, value }) => [kind, value]))

const holds = ({ kind, value }: Condition, { protocol, localIp, remoteIp, localName }: Connection): boolean => {
  switch (kind) {
    case 'protocol': return value.startsWith('!') ? protocol !== undefined && protocol !== value.slice(1) : protocol === value
    case 'local': return localIp !== undefined && networks(value).some((network) => contains(network, localIp))
    case 'remote': return remoteIp !== undefined && networks(value).some((network) => contains(network, remoteIp))
    case 'local_name': return localName !== undefined && value.split(/\s+/).some((name) => nameMatches(name.toLowerCase(), localName.toLowerCase()))
  }
}

const networks = (value: string): ReturnType<typeof parseNetwork>[] => value.split(/[\s,]+/).map(parseNetwork)

/** `*.example.com` stands for one label. */
const nameMatches = (pattern: string, name: string): boolean =>
  pattern.startsWith('*.') ? name.slice(name.indexOf('.') + 1) === pattern.slice(2) && name.includes('.') : pattern === name

/** [local_name, local bits, remote bits, protocol] */
const weight = ({ conditions }: Filter): number[] => {
  const bits = (kind: Condition['kind']): number =>
    Math.max(-1, ...conditions.filter((condition) => condition.kind === kind).flatMap(({ value }) => networks(value).map(({ prefix }) => prefix)))
  const has = (kind: Condition['kind']): number => Number(conditions.some((condition) => condition.kind === kind))
  return [has('local_name'), bits('local'), bits('remote'), has('protocol')]
}

const compare = (a: readonly number[], b: readonly number[]): number => {
  const difference = a.findIndex((value, index) => value !== b[index])
  return difference < 0 ? 0 : a[difference]! - b[difference]!
}
