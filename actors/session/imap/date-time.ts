// IMAP's date-time: `"17-Jul-1996 02:44:25 -0700"`. RFC 3501 §9. Times are seconds since 1970.

export const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/**
 * What stands between the quotes → seconds since 1970; undefined if it is no date-time. A day of one digit may lack its space: some
 * clients leave it out, and what they want to append would be lost.
 */
export function parseDateTime(text: string): number | undefined {
  const match = /^([ \d]?\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text)
  if (match === null) return undefined
  const [, day, monthName, year, hour, minute, second, sign, zoneHours, zoneMinutes] = match as unknown as string[]
  const month = months.findIndex((name) => name.toLowerCase() === monthName!.toLowerCase())
  const parts = { day: Number(day), hour: Number(hour), minute: Number(minute), second: Number(second) }
  if (month < 0 || parts.day < 1 || parts.day > 31 || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return undefined
  if (Number(zoneMinutes) > 59) return undefined
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60 * (sign === '-' ? -1 : 1)
  return Math.min(last, Math.max(first, utcSeconds(Number(year), month, parts.day, parts.hour, parts.minute, parts.second) - zone))
}

/** Date.UTC means 19xx by years below 100; this does not. */
function utcSeconds(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  date.setUTCHours(hour, minute, second)
  return date.getTime() / 1000
}

/** What is shown has a year of four digits, in whatever zone it was said. */
const [first, last] = [utcSeconds(0, 0, 1, 0, 0, 0), utcSeconds(9999, 11, 31, 23, 59, 59)]

const two = (n: number): string => String(n).padStart(2, '0')

/** Seconds since 1970 → date-time in UTC, with its quotes. */
export function formatDateTime(seconds: number): string {
  const d = new Date(seconds * 1000)
  const day = String(d.getUTCDate()).padStart(2, ' ')
  const date = `${day}-${months[d.getUTCMonth()]}-${String(d.getUTCFullYear()).padStart(4, '0')}`
  return `"${date} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} +0000"`
}
