// Bytes of a named charset to Unicode, piece by piece. The platform's TextDecoder knows the charsets of the web
// (encoding.spec.whatwg.org); here are UTF-7 (RFC 2152) and the names that mail uses for them besides.

import { Utf7Decoder } from './utf7.ts'

/** Decodes a stream: feed the pieces, then `finish` for what was still incomplete. Bad bytes become U+FFFD, never an error. */
export interface CharsetDecoder {
  push(bytes: Uint8Array): string
  finish(): string
}

/** Names seen in mail → names TextDecoder knows. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['ansi_x3.4-1968', 'us-ascii'], ['ansi_x3.110-1983', 'us-ascii'], ['646', 'us-ascii'], ['default', 'us-ascii'],
  ['8859-1', 'iso-8859-1'], ['iso_8859-1', 'iso-8859-1'], ['iso-latin-1', 'iso-8859-1'], ['iso-8859-8-i', 'iso-8859-8-i'],
  ['iso8859_1', 'iso-8859-1'], ['iso8859_2', 'iso-8859-2'], ['iso8859_15', 'iso-8859-15'], ['iso-8859-11', 'windows-874'],
  ['cp1250', 'windows-1250'], ['cp1251', 'windows-1251'], ['cp1252', 'windows-1252'], ['cp1253', 'windows-1253'],
  ['cp1254', 'windows-1254'], ['cp1255', 'windows-1255'], ['cp1256', 'windows-1256'], ['cp1257', 'windows-1257'],
  ['cp1258', 'windows-1258'], ['cp-850', 'windows-1252'], ['cp850', 'windows-1252'], ['ibm866', 'ibm866'], ['cp932', 'shift_jis'],
  ['windows-31j', 'shift_jis'], ['ms932', 'shift_jis'], ['cp936', 'gbk'], ['ms936', 'gbk'], ['gb2312-80', 'gbk'],
  ['hz-gb-2312', 'gbk'], ['cp949', 'euc-kr'], ['ks_c_5601', 'euc-kr'], ['cp950', 'big5'], ['big5-eten', 'big5'],
  ['big-5', 'big5'], ['tis620', 'windows-874'], ['iso-2022-jp-1', 'iso-2022-jp'], ['iso-2022-jp-2', 'iso-2022-jp'],
  ['iso-2022-jp-ms', 'iso-2022-jp'], ['eucjp', 'euc-jp'], ['euckr', 'euc-kr'], ['utf8mb4', 'utf-8'], ['utf_8', 'utf-8'],
  ['unicode', 'utf-16le'], ['ucs-2', 'utf-16le'], ['macintosh', 'macintosh'], ['macroman', 'macintosh'],
])

const utf7Names = new Set(['utf-7', 'utf7', 'unicode-1-1-utf-7', 'csunicode11utf7'])

/** A decoder for the charset (letter case does not matter), or undefined if the charset is unknown. */
export const charsetDecoder = (charset: string): CharsetDecoder | undefined => {
  const name = charset.trim().toLowerCase()
  if (utf7Names.has(name)) return new Utf7Decoder()
  const decoder = textDecoder(aliases.get(name) ?? name)
  return decoder && {
    push: (bytes) => decoder.decode(bytes, { stream: true }),
    finish: () => decoder.decode(),
  }
}

const textDecoder = (name: string): TextDecoder | undefined => {
  try {
    return new TextDecoder(name, { ignoreBOM: false })
  } catch {
    // RangeError: TextDecoder's way to say that it does not know the name.
    return undefined
  }
}

/** Whether the charset can be decoded (SEARCH CHARSET answers BADCHARSET otherwise). */
export const isKnownCharset = (charset: string): boolean => charsetDecoder(charset) !== undefined

/** All bytes decoded, or undefined if the charset is unknown. */
export const decodeCharset = (charset: string, bytes: Uint8Array): string | undefined => {
  const decoder = charsetDecoder(charset)
  return decoder && decoder.push(bytes) + decoder.finish()
}
