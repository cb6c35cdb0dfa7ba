// Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 to clients that have switched that on (RFC 9051 §5.1, RFC 9755 §3).
// Decoding is strict (one spelling a name): what encodeMailboxName would not write is refused, so that no mailbox has two names.

import { Buffer } from 'node:buffer'

/** Unicode → modified UTF-7 (ASCII). Never fails: a lone surrogate becomes U+FFFD. */
export function encodeMailboxName(name: string): string {
  if (/^[\x20-\x25\x27-\x7e]*$/.test(name)) return name
  return name.toWellFormed().replace(/&|[^\x20-\x7e]+/g, (run) => (run === '&' ? '&-' : `&${base64(run)}-`))
}

function base64(text: string): string {
  const utf16 = Buffer.from(text, 'utf16le').swap16()
  return utf16.toString('base64').replace(/=+$/, '').replaceAll('/', ',')
}

/** Modified UTF-7 → Unicode; undefined if it is not what encodeMailboxName writes. */
export function decodeMailboxName(wire: string): string | undefined {
  if (!/^[\x20-\x7e]*$/.test(wire)) return undefined
  if (!wire.includes('&')) return wire
  const name = wire.replace(/&([^-]*)-?/g, (_, encoded: string) => {
    if (encoded === '') return '&'
    const utf16 = Buffer.from(encoded.replaceAll(',', '/'), 'base64')
    return utf16.subarray(0, utf16.length & ~1).swap16().toString('utf16le')
  })
  return encodeMailboxName(name) === wire ? name : undefined
}

const strictly = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 → Unicode; undefined if it is none. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictly.decode(bytes)
  } catch {
    return undefined
  }
}

/** A new name as Net-Unicode (RFC 5198 §3): composed, so that what looks the same is the same. */
export const netUnicode = (name: string): string => name.normalize('NFC')
