// Text whose charset nobody (rightly) declared: valid UTF-8 sequences are taken as such, any other byte is windows-1252.
// Decided byte by byte, so that the borders of chunks do not matter. Unicode §3.9 table 3-7 says which sequences are valid.

import { concatBytes, copyBytes } from './byte-strings.ts'
import type { CharsetDecoder } from './charset.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const windows1252 = new TextDecoder('windows-1252')

/** All bytes as text. */
export const decodeUndeclared = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    // TypeError: not UTF-8 throughout.
    return decodeMixed(bytes)
  }
}

const decodeMixed = (bytes: Uint8Array): string => {
  let text = ''
  let start = 0
  let at = 0
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at)
    if (length > 0) {
      at += length
      continue
    }
    text += utf8.decode(bytes.subarray(start, at)) + windows1252.decode(bytes.subarray(at, at + 1))
    start = ++at
  }
  return text + utf8.decode(bytes.subarray(start))
}

/** Length of the valid UTF-8 sequence at `at`, 0 if there is none. */
const sequenceLength = (bytes: Uint8Array, at: number): number => {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  const length = announcedLength(lead)
  if (length === 0 || at + length > bytes.length) return 0
  const second = bytes[at + 1]!
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < lowest || second > highest) return 0
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0
  return length
}

/** Length of the sequence that this byte (0x80 or more) begins, 0 if it begins none. */
const announcedLength = (lead: number): number => {
  if (lead < 0xc2 || lead > 0xf4) return 0
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
}

/** The same for a stream. */
export class UndeclaredDecoder implements CharsetDecoder {
  /** The beginning of a sequence, cut off at the end of a piece. */
  #cut: Uint8Array = new Uint8Array(0)

  push(bytes: Uint8Array): string {
    const data = this.#cut.length === 0 ? bytes : concatBytes([this.#cut, bytes])
    const end = data.length - cutLength(data)
    this.#cut = copyBytes(data.subarray(end))
    return decodeUndeclared(data.subarray(0, end))
  }

  finish(): string {
    const rest = this.#cut
    this.#cut = new Uint8Array(0)
    return decodeUndeclared(rest)
  }
}

/** Bytes (0–3) at the end that begin a sequence and do not end it. */
const cutLength = (data: Uint8Array): number => {
  for (let back = 1; back <= 3 && back <= data.length; back++) {
    const byte = data[data.length - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return announcedLength(byte) > back ? back : 0
  }
  return 0
}
