// ENVELOPE. RFC 3501 §7.4.2: values as the sender wrote them (encoded words, 8-bit bytes), addresses taken apart.

import { parseAddressList } from '../../mail/address.ts'
import type { Address, EnvelopeFields } from '../../mail/types.ts'
import { nstring } from './encode.ts'

/** The parenthesised envelope, Latin-1. */
export function encodeEnvelope(fields: EnvelopeFields): string {
  const from = addressList(fields.from)
  const sender = addressList(fields.sender)
  const replyTo = addressList(fields.replyTo)
  // An absent or empty Sender or Reply-To is the From.
  return `(${[
    nstring(fields.date), nstring(fields.subject), from, sender === 'NIL' ? from : sender, replyTo === 'NIL' ? from : replyTo,
    addressList(fields.to), addressList(fields.cc), addressList(fields.bcc), nstring(fields.inReplyTo), nstring(fields.messageId),
  ].join(' ')})`
}

/** NIL where there is none; else a list without spaces between, as the grammar has it. */
export function addressList(value: string | undefined): string {
  if (value === undefined) return 'NIL'
  const addresses = parseAddressList(value)
  return addresses.length === 0 ? 'NIL' : `(${addresses.map(address).join('')})`
}

const address = ({ name, route, mailbox, host }: Address): string =>
  `(${nstring(name)} ${nstring(route)} ${nstring(mailbox)} ${nstring(host)})`
