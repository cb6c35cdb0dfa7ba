// HEADER, and BCC, CC, FROM, SUBJECT, TO for short: a text in a header field. RFC 3501 §6.4.4.
// BCC, CC, FROM and TO speak of the envelope's addresses: these are found as FETCH gives them too.

import { FieldSearch } from '../../../mail/field-search.ts'
import { blockWith } from './fields.ts'
import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['BCC', 'CC', 'FROM', 'HEADER', 'SUBJECT', 'TO'],
  parse(k, name) {
    const field = (name === 'HEADER' ? k.p.sp().astring('a field name') : name).toLowerCase()
    const names = [field]
    const search = new FieldSearch(field, k.text(), name !== 'HEADER' && name !== 'SUBJECT')
    return always((m) => {
      const block = blockWith(m, names)
      return block && search.finds(block)
    })
  },
})
