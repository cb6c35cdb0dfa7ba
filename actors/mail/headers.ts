// A header block: its fields as raw bytes, in order. RFC 5322 §2.2.
//
// - A field is a line and the lines after it that begin with white space (folding), line endings included.
// - The block ends at the empty line, or where the bytes end.
// - A line without a field name before a colon is no field (name ''): it is kept as raw bytes and harms nothing.
// - Names are compared without regard to letter case; values are byte strings (byte-strings.ts).

import { Buffer } from 'node:buffer'
import { bufferOf, byteString, trimSpace } from './byte-strings.ts'
import { trimmedEnd, trimmedStart } from './plain-value.ts'

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const COLON = 58

/** One field as it stands in the block. */
export interface HeaderField {
  /** As sent, without white space before the colon; '' for a line that is no field. */
  name: string
  /** Name, colon, value with its folding, and the line ending. A view of the block. */
  raw: Uint8Array
}

/** The fields of a block, up to its empty line. */
export function* headerFields(block: Uint8Array): Generator<HeaderField> {
  let start = 0
  while (start < block.length && !isEmptyLine(block, start)) {
    const end = fieldEnd(block, start)
    const raw = block.subarray(start, end)
    yield { name: fieldName(raw), raw }
    start = end
  }
}

const isEmptyLine = (block: Uint8Array, at: number): boolean =>
  block[at] === LF || (block[at] === CR && block[at + 1] === LF)

/** Lines are short: looking at each byte is faster than asking indexOf for each line. */
const fieldEnd = (block: Uint8Array, start: number): number => {
  const { length } = block
  for (let at = start; at < length; at++) {
    if (block[at] !== LF) continue
    const next = block[at + 1]
    if (next !== SPACE && next !== TAB) return at + 1
  }
  return length
}

/** Index of the colon after a field name, or -1: a name is printable ASCII without spaces (RFC 5322 §3.6.8), white space may follow it (§4.5). */
const colonOf = (raw: Uint8Array): number => {
  let spaced = false
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at]!
    if (byte === COLON) return at === 0 ? -1 : at
    if (byte === SPACE || byte === TAB) {
      if (at === 0) return -1
      spaced = true
    } else if (spaced || byte < 33 || byte > 126) return -1
  }
  return -1
}

/** Name of a raw field, as sent; '' if it has none. */
export const fieldName = (raw: Uint8Array): string => {
  const colon = colonOf(raw)
  return colon === -1 ? '' : trimSpace(byteString(raw.subarray(0, colon)))
}

/** Value of a raw field: a byte string without folding and surrounding white space, NUL as 0x80 (as Dovecot shows it: IMAP strings cannot hold NUL). */
export const rawFieldValue = (raw: Uint8Array): string => unfold(byteString(raw.subarray(colonOf(raw) + 1)))

/** A folded value on one line: each fold, and each bare CR, one space as in Dovecot; no white space at the ends. RFC 5322 §2.2.3. */
export const unfold = (value: string): string => trimSpace(value.replace(/[\r\n][\r\n \t]*/g, ' ').replaceAll('\0', '\x80'))

/** Value of the first field of this name (letter case does not matter), or undefined. */
export const fieldValue = (block: Uint8Array, name: string): string | undefined => firstValues(block, [name.toLowerCase()])[0]

/** Values of all fields of this name, in order. */
export const fieldValues = (block: Uint8Array, name: string): string[] => {
  const wanted = name.toLowerCase()
  const values: string[] = []
  const buffer = bufferOf(block)
  eachField(block, (start, end) => {
    const value = valueOfNamed(buffer, start, end, wanted)
    if (value !== undefined) values.push(value)
  })
  return values
}

/** For each lower-case name the value of the first field that bears it, in one pass. */
export const firstValues = (block: Uint8Array, names: readonly string[]): (string | undefined)[] => {
  const values = names.map((): string | undefined => undefined)
  const buffer = bufferOf(block)
  eachField(block, (start, end) => {
    for (let i = 0; i < names.length; i++) values[i] ??= valueOfNamed(buffer, start, end, names[i]!)
  })
  return values
}

/** Shows where each field of a block lies. */
export const eachField = (block: Uint8Array, visit: (start: number, end: number) => void): void => {
  let start = 0
  while (start < block.length && !isEmptyLine(block, start)) {
    const end = fieldEnd(block, start)
    visit(start, end)
    start = end
  }
}

/** The value of the field at [start, end) if it has this lower-case name: as fieldName and rawFieldValue tell them, without making strings of all others. */
const valueOfNamed = (block: Buffer, start: number, end: number, name: string): string | undefined => {
  const value = valueStart(block, start, end, name)
  return value < 0 ? undefined : unfoldedValue(block, value, end)
}

/** As `unfold` of the bytes in [start, end), most of which are on one line. */
const unfoldedValue = (block: Buffer, start: number, end: number): string => {
  const from = trimmedStart(block, start, end)
  const to = trimmedEnd(block, from, end)
  for (let at = from; at < to; at++) {
    const byte = block[at]!
    if (byte === CR || byte === LF || byte === 0) return unfold(block.toString('latin1', from, to))
  }
  return block.toString('latin1', from, to)
}


/** Where the value begins of the field at [start, end), behind its colon, if it has this lower-case name; else -1. */
export const valueStart = (block: Uint8Array, start: number, end: number, name: string): number => {
  if (name === '') return -1
  for (let i = 0; i < name.length; i++) {
    const byte = block[start + i]!
    if ((byte >= 65 && byte <= 90 ? byte + 32 : byte) !== name.charCodeAt(i)) return -1
  }
  let colon = start + name.length
  while (block[colon] === SPACE || block[colon] === TAB) colon++
  return colon < end && block[colon] === COLON ? colon + 1 : -1
}
