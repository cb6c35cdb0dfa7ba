// HEADER, and BCC, CC, FROM, SUBJECT, TO for short: a text in a header field. RFC 3501 §6.4.4.
// Encoded words are decoded, letter case does not matter (i;unicode-casemap); the empty text asks whether there is such a field.
// BCC, CC, FROM and TO speak of the envelope's addresses: these are found as FETCH gives them too, without comments and folding.

import { parseAddressList } from '../../../mail/address.ts'
import { casemap } from '../../../mail/casemap.ts'
import { decodeEncodedWords } from '../../../mail/encoded-words.ts'
import type { Address } from '../../../mail/types.ts'
import { valuesOf } from './fields.ts'
import { always, searchKey } from './key.ts'

/** A comment, a quoted pair, or space within an address: only then can an address differ from what is written. */
const writtenOddly = /[(\\]|\s[.@]|[.@]\s/

/** An address as the envelope has it, without quotes; groups are names alone. */
const plain = ({ name = '', mailbox = '', host }: Address): string => (host === undefined ? mailbox : `${name} <${mailbox}@${host}>`)

export default searchKey({
  names: ['BCC', 'CC', 'FROM', 'HEADER', 'SUBJECT', 'TO'],
  parse(k, name) {
    const field = (name === 'HEADER' ? k.p.sp().astring('a field name') : name).toLowerCase()
    const key = casemap(k.text())
    const ofAddresses = name !== 'HEADER' && name !== 'SUBJECT'
    const isIn = (text: string): boolean => casemap(decodeEncodedWords(text)).includes(key)
    const matches = (value: string): boolean =>
      isIn(value) || (ofAddresses && writtenOddly.test(value) && isIn(parseAddressList(value).map(plain).join(', ')))
    return always((m) => valuesOf(m, field)?.some(matches))
  },
})
