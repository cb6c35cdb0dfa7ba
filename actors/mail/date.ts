// Date fields. RFC 5322 §3.3 and the obsolete forms of §4.3; lenient where mailers are not exact.

import { limits } from '../../runtime/limits.ts'

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** Days of each month; the 29 February is looked up. */
const daysOf = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** Obsolete zone names, minutes east of Greenwich. Military letters and all others say nothing: -0000 (RFC 5322 §4.3). */
const zoneNames: ReadonlyMap<string, number> = new Map([
  ['UT', 0], ['UTC', 0], ['GMT', 0], ['Z', 0],
  ['EST', -300], ['EDT', -240], ['CST', -360], ['CDT', -300], ['MST', -420], ['MDT', -360], ['PST', -480], ['PDT', -420],
  ['BST', 60], ['WET', 0], ['WEST', 60], ['CET', 60], ['CEST', 120], ['MET', 60], ['MEST', 120], ['EET', 120], ['EEST', 180],
  ['MSK', 180], ['IST', 330], ['JST', 540], ['KST', 540],
])

/** A moment, and the zone it was told in. */
export interface MailDate {
  /** Seconds since 1970, negative before. */
  unixSeconds: number
  /** Minutes east of Greenwich. */
  zoneMinutes: number
}

const pattern = new RegExp([
  '^(?:[a-z]+\\.?[,\\s]\\s*)?', // day of the week, ignored
  '(?:(\\d{1,2})[-\\s.]*([a-z]{3})[a-z]*|([a-z]{3})[a-z]*\\s+(\\d{1,2})),?[-\\s.]*', // 1 Nov, or Nov 1
  '(\\d{2,5})(?:[,\\s]+|$)', // year
  '(?:(\\d{1,2})[:.](\\d{1,2})(?:[:.](\\d{1,2})(?:[.,]\\d+)?)?(?:\\s*(am|pm)\\b)?)?\\s*', // time
  '(?:([+-])(\\d{1,2}):?(\\d{2})|(?:"?([a-z]+)"?(?:([+-])(\\d{2}):?(\\d{2}))?))?', // zone
].join(''), 'i')

/** As asctime and `date` write it: `Mon Nov 23 21:06:00 CET 2026`: time and zone stand in front of the year. */
const asctime = /^([a-z]+\s+[a-z]{3}[a-z]*\s+\d{1,2})\s+([\d:]+)(?:\s+([a-z]+|[+-]\d{4}))?\s+(\d{4})$/i

/** The date of a Date field's value, or undefined if it tells none. */
export const parseDate = (value: string): MailDate | undefined => usualDate(value) ?? anyDate(value)

/** `Mon, 23 Nov 2026 21:06:00 +0100`, as nearly all write it: many times as fast as the pattern for everything. */
const usualDate = (value: string): MailDate | undefined => {
  const start = value[3] === ',' && value[4] === ' ' ? 5 : 0
  const dayEnd = value[start + 1] === ' ' ? start + 1 : start + 2
  if (value.length !== dayEnd + 24 || value[dayEnd] !== ' ' || value[dayEnd + 4] !== ' ' || value[dayEnd + 9] !== ' ' || value[dayEnd + 12] !== ':'
    || value[dayEnd + 15] !== ':' || value[dayEnd + 18] !== ' ') return undefined
  const month = monthNames.indexOf(value.slice(dayEnd + 1, dayEnd + 4))
  const day = digitsAt(value, start, dayEnd)
  const year = digitsAt(value, dayEnd + 5, dayEnd + 9)
  const hours = digitsAt(value, dayEnd + 10, dayEnd + 12)
  const minutes = digitsAt(value, dayEnd + 13, dayEnd + 15)
  const seconds = digitsAt(value, dayEnd + 16, dayEnd + 18)
  const zone = digitsAt(value, dayEnd + 20, dayEnd + 24)
  const sign = value[dayEnd + 19] === '+' ? 1 : value[dayEnd + 19] === '-' ? -1 : 0
  // No year below 1000 is surely what it says: what is doubtful is left to the other; NaN is smaller than nothing.
  const sure = month >= 0 && day >= 1 && day <= 31 && (day <= 28 || daysOf[month]! >= day) && year >= 1000 && hours <= 23 && minutes <= 59 && seconds <= 59 && zone % 100 <= 59 && zone < 2400 && sign !== 0
  if (!sure || (start > 0 && !dayNames.includes(value.slice(0, 3)))) return undefined
  const zoneMinutes = sign * (Math.floor(zone / 100) * 60 + zone % 100)
  return { unixSeconds: Date.UTC(year, month, day, hours, minutes, seconds) / 1000 - zoneMinutes * 60, zoneMinutes }
}

/** The number that [start, end) writes; NaN if not all of it are digits. */
const digitsAt = (value: string, start: number, end: number): number => {
  let number = 0
  for (let at = start; at < end; at++) {
    const digit = value.charCodeAt(at) - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

const anyDate = (value: string): MailDate | undefined => {
  const text = withoutComments(value.slice(0, limits.dateLength)).replace(/\s+/g, ' ').replace(/ ?: ?/g, ':').trim()
  const match = pattern.exec(text.replace(asctime, '$1 $4 $2 $3'))
  if (match === null) return undefined
  const [, dayA, monthA, monthB, dayB, yearText, hour, minute, second, half] = match
  const month = monthNames.findIndex((name) => name.toLowerCase() === (monthA ?? monthB)!.toLowerCase())
  const day = Number(dayA ?? dayB)
  const year = fullYear(yearText!)
  const hours = hoursOf(Number(hour ?? 0), half)
  const minutes = Number(minute ?? 0)
  const seconds = Number(second ?? 0)
  if (month === -1 || day < 1 || day > 31 || hours > 23 || minutes > 59 || seconds > 60) return undefined
  const zoneMinutes = zoneOf(match)
  const moment = new Date(0)
  moment.setUTCFullYear(year, month, day)
  if (moment.getUTCDate() !== day) return undefined
  const unixSeconds = moment.getTime() / 1000 + hours * 3600 + minutes * 60 + Math.min(seconds, 59) - zoneMinutes * 60
  return { unixSeconds, zoneMinutes }
}

/** Two digits: 2000–2049 below 50, else 19xx; three: 1900 is added (RFC 5322 §4.3). */
const fullYear = (digits: string): number => {
  const year = Number(digits)
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year
  return digits.length === 3 ? 1900 + year : year
}

const hoursOf = (hour: number, half: string | undefined): number => {
  if (half === undefined) return hour
  return hour % 12 + (half.toLowerCase() === 'pm' ? 12 : 0)
}

/** `+0100`, `GMT`, `GMT+0100`; none or an unknown one is taken for Greenwich. */
const zoneOf = (match: RegExpExecArray): number => {
  const [signA, hoursA, minutesA, name, signB, hoursB, minutesB] = match.slice(10)
  const sign = signA ?? signB
  if (sign === undefined) return name === undefined ? 0 : zoneNames.get(name.toUpperCase()) ?? 0
  const minutes = Number(hoursA ?? hoursB) * 60 + Number(minutesA ?? minutesB)
  if (minutes >= 24 * 60) return 0
  return sign === '-' ? -minutes : minutes
}

/** Comments (nested ones too) are white space. */
const withoutComments = (text: string): string => {
  if (!text.includes('(')) return text
  let out = ''
  let depth = 0
  for (const char of text) {
    if (char === '(') {
      depth++
      out += ' '
    }
    else if (char === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) out += char
  }
  return out
}

/** `Mon, 23 Nov 2026 21:06:00 +0100` */
export const formatDate = ({ unixSeconds, zoneMinutes }: MailDate): string => {
  const local = new Date((unixSeconds + zoneMinutes * 60) * 1000)
  const day = `${dayNames[local.getUTCDay()]}, ${local.getUTCDate()} ${monthNames[local.getUTCMonth()]} ${pad(local.getUTCFullYear(), 4)}`
  const time = `${pad(local.getUTCHours(), 2)}:${pad(local.getUTCMinutes(), 2)}:${pad(local.getUTCSeconds(), 2)}`
  return `${day} ${time} ${formatZone(zoneMinutes)}`
}

/** `+0130` for 90. */
export const formatZone = (zoneMinutes: number): string => {
  const minutes = Math.abs(zoneMinutes)
  return `${zoneMinutes < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60), 2)}${pad(minutes % 60, 2)}`
}

const pad = (number: number, width: number): string => String(number).padStart(width, '0')
