// Content-Transfer-Encoding undone, piece by piece. RFC 2045 §6.
//
// Nothing here fails: what is no base64 is passed over (§6.8), a broken `=` sequence stays as it is (§6.7).

import { limits } from '../../runtime/limits.ts'
import { copyBytes } from './byte-strings.ts'
import { base64Value } from './base64-alphabet.ts'

/** Decodes a stream: feed the pieces, then `finish` for what was still incomplete. */
export interface TransferDecoder {
  push(bytes: Uint8Array): Uint8Array
  finish(): Uint8Array
}

const none = new Uint8Array(0)

/** The decoder of an encoding (lower case, as MimePart has it), or undefined if it is unknown (BINARY: UNKNOWN-CTE). */
export const transferDecoder = (encoding: string): TransferDecoder | undefined => {
  switch (encoding) {
    case '7bit': case '8bit': case 'binary': return identity
    case 'base64': return new Base64Decoder()
    case 'quoted-printable': return new QuotedPrintableDecoder()
    default: return undefined
  }
}

const identity: TransferDecoder = { push: (bytes) => bytes, finish: () => none }

/** Base64; a new quantum may begin after padding (several encoded pieces in one body). */
export class Base64Decoder implements TransferDecoder {
  #bits = 0
  #count = 0

  push(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(Math.ceil((bytes.length + 3) * 3 / 4))
    let length = 0
    let bits = this.#bits
    let count = this.#count
    for (let i = 0; i < bytes.length; i++) {
      const value = base64Value[bytes[i]!]!
      if (value < 64) {
        bits = bits << 6 | value
        if (++count < 4) continue
        out[length++] = bits >> 16
        out[length++] = bits >> 8
        out[length++] = bits
      } else if (value === 64) {
        length = endQuantum(bits, count, out, length)
      } else continue
      bits = 0
      count = 0
    }
    this.#bits = bits
    this.#count = count
    return out.subarray(0, length)
  }

  finish(): Uint8Array {
    const out = new Uint8Array(2)
    const length = endQuantum(this.#bits, this.#count, out, 0)
    this.#bits = 0
    this.#count = 0
    return out.subarray(0, length)
  }
}

/** Writes the whole bytes of a quantum of `count` characters; answers the new length. */
const endQuantum = (bits: number, count: number, out: Uint8Array, length: number): number => {
  if (count === 2) out[length++] = bits >> 4
  if (count === 3) {
    out[length++] = bits >> 10
    out[length++] = bits >> 2
  }
  return length
}

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const EQUALS = 61

/** Value of a hexadecimal digit, -1 for other bytes. */
const hexValue = (byte: number): number => {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte & 0xdf
  return letter >= 65 && letter <= 70 ? letter - 55 : -1
}

/**
 * Quoted-printable. White space before a line break was added on the way and goes (§6.7 rule 3), as do soft line breaks.
 * White space beyond limits.quotedPrintableSpace does not wait for the line's end: it is data.
 */
export class QuotedPrintableDecoder implements TransferDecoder {
  /** An `=` sequence or white space that cannot be judged yet. */
  #held: Uint8Array = none

  push(bytes: Uint8Array): Uint8Array {
    if (this.#held.length === 0) return this.#decode(bytes, false)
    const data = new Uint8Array(this.#held.length + bytes.length)
    data.set(this.#held)
    data.set(bytes, this.#held.length)
    this.#held = none
    return this.#decode(data, false)
  }

  finish(): Uint8Array {
    const rest = this.#held
    this.#held = none
    return this.#decode(rest, true)
  }

  #decode(data: Uint8Array, last: boolean): Uint8Array {
    const out = new Uint8Array(data.length)
    let length = 0
    let at = 0
    while (at < data.length) {
      const byte = data[at]!
      if (byte !== EQUALS && byte !== SPACE && byte !== TAB) {
        out[length++] = byte
        at++
        continue
      }
      const end = spaceEnd(data, byte === EQUALS ? at + 1 : at)
      if (this.#undecided(data, at, end, last)) {
        this.#held = copyBytes(data.subarray(at))
        break
      }
      const next = data[end]
      const lineEnds = end === data.length || next === LF || (next === CR && data[end + 1] === LF)
      if (byte !== EQUALS) {
        if (!lineEnds) for (; at < end; at++) out[length++] = data[at]!
        at = end
      } else if (lineEnds) {
        at = end === data.length ? end : next === CR ? end + 2 : end + 1
      } else {
        const high = hexValue(data[at + 1] ?? 0)
        const low = hexValue(data[at + 2] ?? 0)
        const escape = high >= 0 && low >= 0
        out[length++] = escape ? high << 4 | low : EQUALS
        at += escape ? 3 : 1
      }
    }
    return out.subarray(0, length)
  }

  /** Whether more bytes could change what data[start …] means; `end`: where its white space ends. */
  #undecided(data: Uint8Array, start: number, end: number, last: boolean): boolean {
    if (last || data.length - start > limits.quotedPrintableSpace) return false
    if (end === data.length || (data[end] === CR && end + 1 === data.length)) return true
    return data[start] === EQUALS && end === start + 1 && start + 2 >= data.length && hexValue(data[end]!) >= 0
  }
}

const spaceEnd = (data: Uint8Array, at: number): number => {
  while (data[at] === SPACE || data[at] === TAB) at++
  return at
}
