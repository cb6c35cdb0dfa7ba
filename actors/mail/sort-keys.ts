// What messages are sorted by. RFC 5256 §2.2, §3 (sort keys), RFC 5957 (DISPLAYFROM, DISPLAYTO).

import { Buffer } from 'node:buffer'
import { parseAddressList } from './address.ts'
import { baseSubject } from './base-subject.ts'
import { casemap } from './casemap.ts'
import { parseDate } from './date.ts'
import { decodeEncodedWords } from './encoded-words.ts'
import type { Address } from './types.ts'

/** Texts in the order of i;unicode-casemap (RFC 5051): by the octets of their UTF-8, so the key is a byte string where it is not ASCII. */
export const collationKey = (text: string): string => {
  const key = casemap(text)
  return /^[\x00-\x7f]*$/.test(key) ? key : Buffer.from(key, 'utf8').toString('latin1')
}

/** Of a Subject field: the base subject. */
export const subjectKey = (value: string | undefined): string => (value === undefined ? '' : collationKey(baseSubject(value).base))

/** Of an address field: the first address's mailbox. */
export const mailboxKey = (value: string | undefined): string => {
  const first = firstAddress(value)
  return first?.mailbox === undefined ? '' : collationKey(first.mailbox)
}

/** Of an address field: what a client shows of the first address. */
export const displayKey = (value: string | undefined): string => {
  const first = firstAddress(value)
  if (first?.mailbox === undefined) return ''
  const name = first.name === undefined ? '' : decodeEncodedWords(first.name)
  if (name !== '') return collationKey(name)
  return collationKey(first.host === undefined ? first.mailbox : `${first.mailbox}@${first.host}`)
}

/** Of a Date field: the moment in seconds since 1970; undefined if it tells none. */
export const dateKey = (value: string | undefined): number | undefined => (value === undefined ? undefined : parseDate(value)?.unixSeconds)

const firstAddress = (value: string | undefined): Address | undefined => (value === undefined ? undefined : parseAddressList(value)[0])
