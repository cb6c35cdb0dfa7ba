// HEADER, and BCC, CC, FROM, SUBJECT, TO for short: a text in a header field. RFC 3501 §6.4.4.
// Encoded words are decoded, letter case does not matter (i;unicode-casemap); the empty text asks whether there is such a field.

import { casemap } from '../../../mail/casemap.ts'
import { decodeEncodedWords } from '../../../mail/encoded-words.ts'
import { valuesOf } from './fields.ts'
import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['BCC', 'CC', 'FROM', 'HEADER', 'SUBJECT', 'TO'],
  parse(k, name) {
    const field = (name === 'HEADER' ? k.p.sp().astring('a field name') : name).toLowerCase()
    const key = casemap(k.text())
    return always((m) => valuesOf(m, field)?.some((value) => casemap(decodeEncodedWords(value)).includes(key)))
  },
})
