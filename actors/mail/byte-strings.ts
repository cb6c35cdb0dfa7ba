// Header values are handled as byte strings: one character (U+0000 … U+00FF) a byte, so that what a client gets is what
// the sender wrote, 8-bit or not. encoded-words.ts turns them into text where people or searches look at them.

import { Buffer } from 'node:buffer'

/** A view of the bytes: its indexOf, asked for each line, costs half as much as that of a plain Uint8Array. */
export const bufferOf = (bytes: Uint8Array): Buffer => (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))

/** The bytes as a byte string. */
export const byteString = (bytes: Uint8Array): string => bufferOf(bytes).toString('latin1')

/** The bytes of a byte string. Characters above U+00FF do not belong in one. */
export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** A copy, whatever kind of array it is. (Buffer.slice is none.) */
export const copyBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

/** All pieces as one. */
export const concatBytes = (pieces: readonly Uint8Array[]): Uint8Array => {
  if (pieces.length === 1) return pieces[0]!
  let length = 0
  for (const piece of pieces) length += piece.length
  const out = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

/** Without spaces, tabs, CRs and LFs at its ends. (String.trim also takes U+00A0, which here may be half of a UTF-8 letter.) */
export const trimSpace = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isSpace = (code: number): boolean => code === 32 || code === 9 || code === 13 || code === 10
