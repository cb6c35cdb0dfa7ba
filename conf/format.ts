// Text ↔ values, by the kind of a setting.

import { ConfigError } from '../runtime/errors.ts'
import path from 'node:path'
import { nearest } from './nearest.ts'
import type { Setting } from './setting.ts'
import { parseNumber, parseOctal, parseSize, parseTime, unlimited, words } from './setting.ts'

/** The value of a setting as text in a file. Throws ConfigError, without the place. */
export const convert = (setting: Setting<unknown>, text: string): unknown => {
  switch (setting.kind) {
    case 'bool': return parseBool(text)
    case 'number': return within(setting, parseNumber(text))
    case 'octal': return parseOctal(text)
    case 'size': return parseSize(text)
    case 'time': return setting.milliseconds ? parseNumber(text) : parseTime(text)
    case 'list': return words(setting.anyCase === true ? text.toLowerCase() : text).map((word) => known(setting, word))
    case 'choice': return known(setting, text)
    case 'path': return absolute(text, setting)
    case 'text': return text
  }
}

const within = ({ range }: Setting<unknown>, value: number): number => {
  if (range !== undefined && (value < range[0] || value > range[1])) throw new ConfigError(`${value} is not between ${range[0]} and ${range[1]}`)
  return value
}

/** `./x` is made absolute wherever a path can begin: `posix:prefix=./var/`, `username_format=%n ./users`. */
const absolute = (text: string, { perUser }: Setting<unknown>): string => {
  if (!text.includes('./')) return text
  const here = perUser === true ? path.resolve().replaceAll('%', '%%') : path.resolve()
  return text.replace(/(^|[\s:=])\.\//g, (_, before: string) => `${before}${here}/`)
}

const parseBool = (text: string): boolean => {
  if (/^(y|yes|1)$/i.test(text)) return true
  if (/^no$/i.test(text)) return false
  throw new ConfigError(`'${text}' is neither yes nor no`)
}

const known = (setting: Setting<unknown>, word: string): string => {
  if (setting.values === undefined || setting.values.includes(word)) return word
  const meant = nearest(word, setting.values)
  throw new ConfigError(`unknown value '${word}' (${meant === undefined ? '' : `did you mean '${meant}'? `}known: ${setting.values.join(', ')})`)
}

/** The value as doveconf prints it. */
export const format = (setting: Setting<unknown>, value: unknown): string => {
  switch (setting.kind) {
    case 'bool': return value === true ? 'yes' : 'no'
    case 'octal': return value === 0 ? '0' : `0${(value as number).toString(8)}`
    case 'size': return formatSize(value as number)
    case 'time': return setting.milliseconds ? String(value) : formatTime(value as number)
    case 'list': return (value as string[]).join(' ')
    case 'number': return value === unlimited ? 'unlimited' : String(value)
    default: return value as string
  }
}

const sizeUnits: [unit: string, bytes: number][] = [['T', 2 ** 40], ['G', 2 ** 30], ['M', 2 ** 20], ['k', 2 ** 10], ['B', 1]]
const timeUnits: [unit: string, ms: number][] =
  [['weeks', 604_800_000], ['days', 86_400_000], ['hours', 3_600_000], ['mins', 60_000], ['secs', 1000], ['ms', 1]]

const inLargestUnit = (value: number, units: readonly [unit: string, factor: number][]): string => {
  const [unit, factor] = units.find(([, size]) => value % size === 0)!
  return `${value / factor} ${unit}`
}

const formatSize = (bytes: number): string => (bytes === 0 ? '0' : bytes === unlimited ? 'unlimited' : inLargestUnit(bytes, sizeUnits))
const formatTime = (ms: number): string => (ms === 0 ? '0' : ms === unlimited ? 'infinite' : inLargestUnit(ms, timeUnits))
