// Values → IMAP text. RFC 3501 §9. Everything here is a Latin-1 string: one character is one byte on the wire, so that
// Unicode must have become UTF-8 (or modified UTF-7) before; `utf8` does that.

import { Buffer } from 'node:buffer'
import { Flag } from '../../user/types.ts'
import { encodeMailboxName } from './mailbox-name.ts'
import { speaksUtf8 } from './revision.ts'
import type { Speaker } from './revision.ts'

export { formatDateTime as dateTime } from './date-time.ts'

/** Unicode text → its UTF-8 bytes as a Latin-1 string. */
export const utf8 = (text: string): string => (/^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1'))

/** Bytes → the same bytes as a Latin-1 string. */
export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')

/** Text of a status response: UTF-8, on one line. RFC 3501 §7.1 resp-text. */
export const respText = (text: string): string => utf8(text.replace(/[\r\n\0]+/g, ' '))

/** A Latin-1 string → quoted, or a literal where it cannot be quoted. RFC 3501 `string`. */
export function string(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value) && value.length <= 1000) return quoted(value)
  return `{${value.length}}\r\n${value}`
}

/** A Latin-1 string without CR, LF, NUL → quoted. 8-bit characters (UTF-8) only to whom has switched them on. */
export const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`

/** A Latin-1 string, or NIL. */
export const nstring = (value: string | undefined): string => (value === undefined ? 'NIL' : string(value))

/** A Latin-1 string → bare where the grammar lets it. NIL is quoted lest it be taken for nothing. */
export function astring(value: string): string {
  return /^[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+$/.test(value) && value.toUpperCase() !== 'NIL' ? value : string(value)
}

/** A mailbox name (Unicode) as astring: modified UTF-7, or UTF-8 to a client that has switched that on (`to`). */
export function mailbox(name: string, to?: Speaker): string {
  return to !== undefined && speaksUtf8(to) ? utf8String(name) : astring(encodeMailboxName(name))
}

/** Unicode → an astring that may hold UTF-8. RFC 9051 §9, RFC 9755 §3 (utf8-quoted). */
function utf8String(text: string): string {
  const bytes = utf8(text.toWellFormed())
  return /^[\x20-\x7e]*$/.test(bytes) || bytes.length > 1000 || /[\r\n\0]/.test(bytes) ? astring(bytes) : quoted(bytes)
}

const systemNames: readonly (readonly [number, string])[] = [
  [Flag.Answered, '\\Answered'], [Flag.Flagged, '\\Flagged'], [Flag.Deleted, '\\Deleted'], [Flag.Seen, '\\Seen'], [Flag.Draft, '\\Draft'],
]

/** Flags as a parenthesised list: system bits, keyword names, \Recent. */
export function flags(system: number, keywords: readonly string[] = [], recent = false): string {
  const names: string[] = []
  for (const [bit, name] of systemNames) if ((system & bit) !== 0) names.push(name)
  if (recent) names.push('\\Recent')
  names.push(...keywords)
  return `(${names.join(' ')})`
}

/** All system flags, as in `* FLAGS (…)`. */
export const everySystemFlag = Flag.Answered | Flag.Flagged | Flag.Deleted | Flag.Seen | Flag.Draft
