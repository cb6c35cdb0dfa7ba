// Date fields. RFC 5322 §3.3 and the obsolete forms of §4.3; lenient where mailers are not exact.

import { limits } from '../../runtime/limits.ts'

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
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
export const parseDate = (value: string): MailDate | undefined => {
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
