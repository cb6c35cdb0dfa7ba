// Days, for the keys that disregard time and zone: each date counts as the day that is written in it. RFC 3501 §6.4.4.

import type { Parser } from '../grammar.ts'
import { parseDateTime } from '../date-time.ts'

/** Days since 1970-01-01. */
export type Day = number

const secondsPerDay = 86_400

export const dayOf = (unixSeconds: number, zoneMinutes = 0): Day => Math.floor((unixSeconds + zoneMinutes * 60) / secondsPerDay)

/** SP date; date = date-text / DQUOTE date-text DQUOTE; date-text = date-day "-" date-month "-" date-year */
export function parseDay(p: Parser): Day {
  const text = p.sp().astring('a date')
  const seconds = parseDateTime(`${/^\d-/.test(text) ? `0${text}` : text} 00:00:00 +0000`)
  return seconds === undefined ? p.fail('Invalid date') : dayOf(seconds)
}

/** The test that a key's name asks for: …BEFORE, …ON, …SINCE. */
export function compareDays(name: string, day: Day): (other: Day) => boolean {
  if (name.endsWith('BEFORE')) return (other) => other < day
  return name.endsWith('ON') ? (other) => other === day : (other) => other >= day
}
