// Parameters with continuations, charset and language. RFC 2231.

import { limits } from '../../runtime/limits.ts'
import { bytesOf } from './byte-strings.ts'
import { decodeCharset } from './charset.ts'
import { decodeEncodedWords } from './encoded-words.ts'
import { decodeUndeclared } from './undeclared-charset.ts'

/** One piece of a parameter: `name*number*=value`. */
interface Segment { number: number; encoded: boolean; value: string }

/**
 * Parameters as a reader wants them: pieces joined, percent and charset decoded, Unicode. Values that mailers wrote as
 * encoded-words against RFC 2047 §5 are decoded too. Order: of first appearance. Where both `name` and `name*` are
 * there, the latter counts (RFC 5987 §3.2.1 asks so).
 */
export const decodeParams = (params: readonly [string, string][]): [string, string][] => {
  const byName = new Map<string, { plain?: string; segments: Segment[] }>()
  for (const [key, value] of params) {
    const [, name = key, number, star] = /^([^*]+)(?:\*(\d{1,4}))?(\*)?$/.exec(key) ?? []
    let entry = byName.get(name)
    if (entry === undefined) byName.set(name, entry = { segments: [] })
    if (number === undefined && star === undefined) entry.plain ??= value
    else if (entry.segments.length < limits.parameterPieces) entry.segments.push({ number: Number(number ?? 0), encoded: star !== undefined, value })
  }
  return [...byName].map(([name, { plain, segments }]) => [
    name,
    segments.length > 0 ? joinSegments(segments) : decodeEncodedWords(plain!),
  ])
}

/** One decoded parameter (its name in lower case), or undefined. */
export const paramValue = (params: readonly [string, string][], name: string): string | undefined => {
  const own = params.filter(([key]) => key === name || key.startsWith(`${name}*`))
  return own.length === 0 ? undefined : decodeParams(own)[0]?.[1]
}

/**
 * Parameters as BODYSTRUCTURE shows them, continuations put together (§6 asks servers to) as Dovecot does it: behind the others,
 * by name; with charset and percents as they were sent, if any piece has them. A parameter with pieces missing, doubled or beside
 * a whole one stays as it was sent.
 */
export const joinContinuations = (params: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] => {
  const pieces = new Map<string, Segment[]>()
  for (const [key, value] of params) {
    const [, name, number, star] = /^([^*]+)\*(\d{1,4})(\*)?$/.exec(key) ?? []
    if (name === undefined) continue
    const segments = pieces.get(name)
    const segment = { number: Number(number), encoded: star !== undefined, value }
    if (segments === undefined) pieces.set(name, [segment])
    else segments.push(segment)
  }
  if (pieces.size === 0) return params
  for (const [name, segments] of pieces) {
    segments.sort((a, b) => a.number - b.number)
    const whole = segments.every(({ number }, index) => number === index) && !params.some(([key]) => key === name || key === `${name}*`)
    if (!whole) pieces.delete(name)
  }
  const others = params.filter(([key]) => !pieces.has(/^([^*]+)\*\d{1,4}\*?$/.exec(key)?.[1] ?? ''))
  return [...others, ...[...pieces].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, segments]) => asSent(name, segments))]
}

/** Pieces in their order as one parameter: of plain ones a plain one. */
const asSent = (name: string, segments: readonly Segment[]): readonly [string, string] => {
  if (!segments.some(({ encoded }) => encoded)) return [name, segments.map(({ value }) => value).join('')]
  const charset = segments[0]!.encoded ? '' : "''"
  return [`${name}*`, charset + segments.map(({ value, encoded }) => (encoded ? value : percentEncoded(value))).join('')]
}

const percentEncoded = (value: string): string =>
  value.replace(/[^A-Za-z0-9!#$&+.^_`{|}~-]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** Only the first piece names the charset: `utf-8'en'…`. Pieces after a gap in the numbers are lost. */
const joinSegments = (segments: Segment[]): string => {
  segments.sort((a, b) => a.number - b.number)
  let charset = ''
  let bytes = ''
  for (const [index, segment] of segments.entries()) {
    if (segment.number !== index) break
    let { value } = segment
    if (segment.encoded && index === 0) {
      const [whole, named] = /^([^']*)'[^']*'/.exec(value) ?? []
      if (whole !== undefined) {
        charset = named!
        value = value.slice(whole.length)
      }
    }
    bytes += segment.encoded ? value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))) : value
  }
  return decodeCharset(charset, bytesOf(bytes)) ?? decodeUndeclared(bytesOf(bytes))
}
