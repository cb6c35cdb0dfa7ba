// BODY and TEXT: a text in the decoded message. RFC 3501 §6.4.4. This reads the message.

import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['BODY', 'TEXT'],
  parse(k, name) {
    const needle = { text: k.text(), where: name as 'BODY' | 'TEXT' }
    return always((m) => m.found(needle))
  },
})
