// ENVELOPE from a header block, byte for byte what encode-envelope.ts makes of it. RFC 3501 §7.4.2. Values and addresses that are
// written plainly, as nearly all are, are copied; any other goes the general way.

import { byteString } from '../../mail/byte-strings.ts'
import { envelopeFields, envelopeNames } from '../../mail/envelope.ts'
import { eachField, unfold, valueStart } from '../../mail/headers.ts'
import { trimmedEnd, trimmedStart } from '../../mail/plain-value.ts'
import type { AnswerBytes } from './answer-bytes.ts'
import { addressList, encodeEnvelope } from './encode-envelope.ts'
import { nstring } from './encode.ts'

const names = [...envelopeNames.keys()]
/** By the first letter of a field's name in lower case, the fields it may be: indexes of `names`. */
const byLetter: readonly (readonly number[])[] = Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte).toLowerCase()
  return names.flatMap((name, index) => (name[0] === letter ? [index] : []))
})
const [date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId] = names.map((_, index) => index) as [number, number, number, number, number, number, number, number, number, number]

/** Where the fields lie in a block, their raw values: reused for each. */
const starts = new Int32Array(names.length)
const ends = new Int32Array(names.length)

/** Writes the parenthesised envelope. */
export function writeEnvelope(block: Uint8Array, out: AnswerBytes): void {
  if (!findFields(block)) return out.text(encodeEnvelope(envelopeFields(block)))
  out.text('(')
  writeString(block, date, out)
  writeString(block, subject, out)
  out.text(' ')
  const first = out.length
  writeAddresses(block, from, out)
  const last = out.length
  for (const field of [sender, replyTo]) {
    out.text(' ')
    const at = out.length
    writeAddresses(block, field, out)
    // NIL: an absent or empty one is the From.
    if (out.at(at) === paren) continue
    out.cut(at)
    out.repeat(first, last)
  }
  for (const field of [to, cc, bcc]) {
    out.text(' ')
    writeAddresses(block, field, out)
  }
  writeString(block, inReplyTo, out)
  writeString(block, messageId, out)
  out.text(')')
}

/** False: one is there twice, which takes more than looking at the first. */
function findFields(block: Uint8Array): boolean {
  starts.fill(-1)
  let once = true
  eachField(block, (start, end) => {
    for (const index of byLetter[block[start]!]!) {
      const value = valueStart(block, start, end, names[index]!)
      if (value < 0) continue
      if (starts[index]! >= 0) once = false
      starts[index] = value
      ends[index] = end
      return
    }
  })
  return once
}

const quote = 34
const paren = 40
const backslash = 92
const space = 32

/** A string or NIL, with a space in front of it (but of the first). */
function writeString(block: Uint8Array, field: number, out: AnswerBytes): void {
  if (field !== date) out.byte(space)
  const start = starts[field]!
  if (start < 0) return out.text('NIL')
  const from = trimmedStart(block, start, ends[field]!)
  const to = trimmedEnd(block, from, ends[field]!)
  if (isQuotable(block, from, to)) writeQuoted(block, from, to, out)
  else out.text(nstring(valueOf(block, field)))
}

const valueOf = (block: Uint8Array, field: number): string => unfold(byteString(block.subarray(starts[field]!, ends[field])))

/** As a quoted string without escapes (see `string`). */
function isQuotable(block: Uint8Array, start: number, end: number): boolean {
  if (end - start > 1000) return false
  for (let at = start; at < end; at++) {
    const byte = block[at]!
    if (byte < space || byte > 126 || byte === quote || byte === backslash) return false
  }
  return true
}

function writeQuoted(block: Uint8Array, start: number, end: number, out: AnswerBytes): void {
  out.byte(quote)
  out.copy(block, start, end)
  out.byte(quote)
}

function writeAddresses(block: Uint8Array, field: number, out: AnswerBytes): void {
  const start = starts[field]!
  if (start < 0) return out.text('NIL')
  const begun = out.length
  const from = trimmedStart(block, start, ends[field]!)
  const to = trimmedEnd(block, from, ends[field]!)
  out.byte(paren)
  for (let at = from; at < to;) {
    at = writeAddress(block, at, to, out)
    if (at < 0 || at === to) {
      if (at < 0) break
      return out.text(')')
    }
    // A comma, and an address behind it.
    if (block[at] !== 44) break
    at++
    while (at < to && block[at] === space) at++
    if (at === to) break
  }
  out.cut(begun)
  out.text(addressList(valueOf(block, field)))
}

/** atext of RFC 5322 §3.2.3. */
const isAtom = Uint8Array.from({ length: 256 }, (_, byte) => (/[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]/.test(String.fromCharCode(byte)) && byte < 127 ? 1 : 0))

/** `"Name" <local@domain>`, `Some Name <local@domain>`, `<local@domain>` or `local@domain`; returns where it ends, -1 where it is none of these. */
function writeAddress(block: Uint8Array, start: number, end: number, out: AnswerBytes): number {
  let nameStart = start
  let nameEnd = start
  let at = start
  if (block[at] === quote) {
    nameStart = ++at
    while (at < end && block[at] !== quote) at++
    nameEnd = at++
    if (nameEnd >= end || nameEnd === nameStart || !isQuotable(block, nameStart, nameEnd)) return -1
    while (at < end && block[at] === space) at++
    if (block[at] !== 60) return -1
  } else {
    at = endOfWords(block, start, end)
    if (at > start && at < end && block[at] === 60) {
      nameEnd = at - 1
      if (block[nameEnd] !== space || block[nameEnd - 1] === space || nameEnd - nameStart > 1000) return -1
    }
  }
  const angle = at < end && block[at] === 60
  const localStart = angle ? at + 1 : start
  const localEnd = endOfDotAtom(block, localStart, end)
  if (localEnd < 0 || block[localEnd] !== 64) return -1
  const domainEnd = endOfDotAtom(block, localEnd + 1, end)
  if (domainEnd < 0) return -1
  at = domainEnd
  if (angle && (at >= end || block[at++] !== 62)) return -1
  out.byte(paren)
  if (nameEnd > nameStart) writeQuoted(block, nameStart, nameEnd, out)
  else out.text('NIL')
  out.text(' NIL ')
  writeQuoted(block, localStart, localEnd, out)
  out.byte(space)
  writeQuoted(block, localEnd + 1, domainEnd, out)
  out.byte(41)
  return at
}

/** Behind atoms with single spaces between and behind them. */
function endOfWords(block: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (isAtom[block[at]!] === 1 || (block[at] === space && at > start && block[at - 1] !== space))) at++
  return at
}

/** Behind atoms with single dots between; -1 if none, or too long for a quoted string. */
function endOfDotAtom(block: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (isAtom[block[at]!] === 1 || (block[at] === 46 && at > start && block[at - 1] !== 46))) at++
  return at === start || block[at - 1] === 46 || at - start > 1000 ? -1 : at
}
