// What a setting is: the kinds of values, how each is written in a file, and how tables of settings become TypeScript
// types. The tables themselves are in conf/settings/*.ts, one a subject.

import { ConfigError } from '../runtime/errors.ts'

export type Kind = 'bool' | 'text' | 'path' | 'choice' | 'number' | 'octal' | 'size' | 'time' | 'list'

/** One row of the table. */
export interface Setting<T> {
  readonly kind: Kind
  /** In the unit the program uses: time in ms, sizes in bytes. */
  readonly default: T
  /** One line for an operator. */
  readonly meaning: string
  /** Whether Culver does anything about it; a list: only these values, or words of a list, are acted on. Where not, `serve` says so at start. */
  readonly acts: boolean | readonly string[]
  /** All that may be said (choice), or all words that a list may hold. */
  readonly values?: readonly string[]
  /** Its words count in any letter case, and are kept in lower case. */
  readonly anyCase?: boolean
  /** Unset, it has the value of this other setting. */
  readonly from?: string
  /** %variables in it are expanded for each user (conf/expand.ts). */
  readonly perUser?: boolean
  /** Shown only on demand (`culver conf -P`). */
  readonly secret?: boolean
  /** Taken at start: a reload that changes it says that it waits for the next one. */
  readonly atStart?: boolean
  /** `name2`, `name3` … are the same kind of thing (quota_rule2, sieve_before3). */
  readonly numbered?: boolean
  /** Number only: the least and the most it may be. */
  readonly range?: readonly [least: number, most: number]
  /** Time only: written in plain milliseconds (`*_msecs`). */
  readonly milliseconds?: boolean
}

export type Options = Partial<Pick<Setting<unknown>, 'acts' | 'values' | 'anyCase' | 'from' | 'perUser' | 'secret' | 'atStart' | 'numbered' | 'range' | 'milliseconds'>>

/** A table of settings by name. */
export type Table = Readonly<Record<string, Setting<unknown>>>

/** The values of a table: `{ mail_home: string, … }`. */
export type Values<T extends Table> = { -readonly [Name in keyof T]: T[Name] extends Setting<infer V> ? V : never }

/** For settings that Culver acts on. */
export const acts = { acts: true } as const

/** For those of them that a running server cannot change. */
export const actsAtStart = { acts: true, atStart: true } as const

const setting = <T>(kind: Kind, value: T, meaning: string, options: Options = {}): Setting<T> =>
  ({ kind, default: value, meaning, acts: false, ...options })

export const bool = (value: boolean, meaning: string, options?: Options): Setting<boolean> => setting('bool', value, meaning, options)
export const text = (value: string, meaning: string, options?: Options): Setting<string> => setting('text', value, meaning, options)
/** A path, or text with paths in it: one that begins with `./` is made absolute, from the directory in which the process was started. */
export const path = (value: string, meaning: string, options?: Options): Setting<string> => setting('path', value, meaning, options)
export const number = (value: number, meaning: string, options?: Options): Setting<number> => setting('number', value, meaning, options)
/** A file mode. */
export const octal = (value: number, meaning: string, options?: Options): Setting<number> => setting('octal', value, meaning, options)
/** Bytes. */
export const size = (value: string, meaning: string, options?: Options): Setting<number> => setting('size', parseSize(value), meaning, options)
/** Milliseconds. */
export const time = (value: string, meaning: string, options?: Options): Setting<number> =>
  setting('time', options?.milliseconds ? Number(value) : parseTime(value), meaning, options)
/** Words separated by blanks or commas. */
export const list = (value: string, meaning: string, options?: Options): Setting<string[]> => setting('list', words(value), meaning, options)
/** A list whose words are known. */
export const listOf = <const W extends string>(values: readonly W[], value: string, meaning: string, options?: Options): Setting<W[]> =>
  ({ ...setting('list', words(value) as W[], meaning, options), values })
export const choice = <const W extends string>(values: readonly W[], value: NoInfer<W>, meaning: string, options?: Options): Setting<W> =>
  ({ ...setting('choice', value as W, meaning, options), values })

/** The defaults of a table; lists are fresh copies. */
export const defaultsOf = <T extends Table>(table: T): Values<T> =>
  Object.fromEntries(Object.entries(table).map(([name, { default: value }]) => [name, Array.isArray(value) ? [...value] : value])) as Values<T>

/** Words separated by blanks or commas. */
export const words = (value: string): string[] => value.split(/[\s,]+/).filter((word) => word !== '')

/** `unlimited`/`infinite` of numbers, sizes and times. */
export const unlimited = Number.MAX_SAFE_INTEGER

/** A number, without unit. Throws ConfigError. */
export const parseNumber = (value: string): number => {
  if (value === 'unlimited') return unlimited
  if (!/^\d{1,15}$/.test(value)) throw new ConfigError(`'${value}' is not a number`)
  return Number(value)
}

/** `0600`, or decimal as Dovecot reads it (no leading 0). Throws ConfigError. */
export const parseOctal = (value: string): number => {
  if (/^0[0-7]*$/.test(value)) return Number.parseInt(value, 8)
  return parseNumber(value)
}

const sizeUnits: Record<string, number> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** `100M`, `64 k`, `1GB`, plain bytes. Throws ConfigError. */
export const parseSize = (value: string): number => {
  if (value === 'unlimited') return unlimited
  const [, digits, unit] = /^(\d{1,15})\s*([a-z]*)$/i.exec(value) ?? []
  if (digits === undefined || unit === undefined) throw new ConfigError(`'${value}' is not a size (say e.g. 100M)`)
  const factor = sizeUnits[unit.toLowerCase().replace(/^([kmgt])i?b$/, '$1')]
  if (factor === undefined) throw new ConfigError(`'${value}' is not a size: unknown unit '${unit}' (known: B, k, M, G, T)`)
  return Math.min(Number(digits) * factor, unlimited)
}

/** Any beginning of a unit's name will do; the first that fits counts (so `m` and `mi` are minutes, `ms` is not). */
const timeUnits: [unit: string, ms: number][] = [
  ['secs', 1000], ['seconds', 1000], ['mins', 60_000], ['minutes', 60_000], ['hours', 3_600_000], ['days', 86_400_000],
  ['weeks', 604_800_000], ['msecs', 1], ['mseconds', 1], ['millisecs', 1], ['milliseconds', 1],
]

/** `5 mins`, `2s`, `1week`. 0 needs no unit. Throws ConfigError. */
export const parseTime = (value: string): number => {
  if (value === 'infinite' || value === 'unlimited') return unlimited
  const [, digits, unit] = /^(\d{1,15})\s*([a-z]*)$/i.exec(value) ?? []
  if (digits === undefined || unit === undefined) throw new ConfigError(`'${value}' is not a time (say e.g. 5 mins)`)
  if (unit === '' && Number(digits) === 0) return 0
  if (unit === '') throw new ConfigError(`'${value}' is a time without a unit (add e.g. 's' for seconds)`)
  const ms = timeUnits.find(([name]) => name.startsWith(unit.toLowerCase()))?.[1]
  if (ms === undefined) throw new ConfigError(`'${value}' is not a time: unknown unit '${unit}' (known: ms, secs, mins, hours, days, weeks)`)
  return Math.min(Number(digits) * ms, unlimited)
}
