// LARGER and SMALLER: RFC822.SIZE. RFC 3501 §6.4.4.

import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['LARGER', 'SMALLER'],
  parse({ p }, name) {
    const bytes = p.sp().number('a size')
    return name === 'LARGER' ? always((m) => m.messages.sizes[m.row]! > bytes) : always((m) => m.messages.sizes[m.row]! < bytes)
  },
})
