// The header fields behind IMAP's ENVELOPE. RFC 3501 §7.4.2.

import type { EnvelopeFields } from './types.ts'
import { headerFields, rawFieldValue } from './headers.ts'

/** Lower-case field name → its name in EnvelopeFields. */
export const envelopeNames: ReadonlyMap<string, keyof EnvelopeFields> = new Map([
  ['date', 'date'], ['subject', 'subject'], ['from', 'from'], ['sender', 'sender'], ['reply-to', 'replyTo'],
  ['to', 'to'], ['cc', 'cc'], ['bcc', 'bcc'], ['in-reply-to', 'inReplyTo'], ['message-id', 'messageId'],
])

const addressFields = new Set<keyof EnvelopeFields>(['from', 'sender', 'replyTo', 'to', 'cc', 'bcc'])

/**
 * Adds one field. Repeated address fields count as one list (as in Dovecot, so that no checker sees another From than
 * the reader does); of other repeated fields the first counts.
 */
export const addEnvelopeField = (fields: EnvelopeFields, name: keyof EnvelopeFields, value: string): void => {
  const before = fields[name]
  if (before === undefined) fields[name] = value
  else if (addressFields.has(name)) fields[name] = `${before}, ${value}`
}

/** The envelope fields of a header block. */
export const envelopeFields = (block: Uint8Array): EnvelopeFields => {
  const fields: EnvelopeFields = {}
  for (const field of headerFields(block)) {
    const name = envelopeNames.get(field.name.toLowerCase())
    if (name !== undefined) addEnvelopeField(fields, name, rawFieldValue(field.raw))
  }
  return fields
}
