// Encoded-words of headers: =?charset?encoding?text?= RFC 2047, with RFC 2231 §5's language after the charset.
// Input is a byte string, output Unicode. Nothing here fails: what is no encoded-word stays as it stands.

import { Buffer } from 'node:buffer'
import { byteString, bytesOf } from './byte-strings.ts'
import { decodeCharset } from './charset.ts'
import { decodeUndeclared } from './undeclared-charset.ts'

/** Encoded-words, apart from any white space between two of them (§6.2: that is no part of the text). */
const encodedWord = /=\?([^?*\s]{1,75})(?:\*[^?\s]{0,75})?\?([BbQq])\?([^?\r\n]*)\?=/g

/** A byte string of a header (unfolded) as text: encoded-words decoded, raw 8-bit as UTF-8 or else windows-1252. */
export const decodeEncodedWords = (value: string): string => {
  if (!value.includes('=?')) return decodeRaw(value)
  let text = ''
  let end = 0
  /** Words that follow each other in one charset are decoded together: mailers cut letters of several bytes apart. */
  let pending: { charset: string; bytes: string } | undefined
  for (const match of value.matchAll(encodedWord)) {
    const [whole, charset, encoding, content] = match
    const between = value.slice(end, match.index)
    const adjacent = pending !== undefined && /^[ \t\r\n]*$/.test(between)
    const bytes = encoding!.toUpperCase() === 'B' ? decodeB(content!) : decodeQ(content!)
    if (adjacent && sameCharset(pending!.charset, charset!)) pending!.bytes += bytes
    else {
      text += decodePending(pending) + (adjacent ? '' : decodeRaw(between))
      pending = { charset: charset!, bytes }
    }
    end = match.index + whole.length
  }
  return text + decodePending(pending) + decodeRaw(value.slice(end))
}

const sameCharset = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

const decodePending = (pending: { charset: string; bytes: string } | undefined): string => {
  if (pending === undefined) return ''
  const bytes = bytesOf(pending.bytes)
  return decodeCharset(pending.charset, bytes) ?? decodeUndeclared(bytes)
}

const decodeB = (content: string): string => byteString(Buffer.from(content, 'base64'))

const decodeQ = (content: string): string =>
  content.replaceAll('_', ' ').replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** Most values are ASCII, which needs no decoding. */
const decodeRaw = (value: string): string => (/^[\x00-\x7f]*$/.test(value) ? value : decodeUndeclared(bytesOf(value)))
