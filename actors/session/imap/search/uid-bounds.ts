// UIDAFTER and UIDBEFORE: the UIDs above or below one. RFC 9738 §3.2: how a client asks for the rest of what a MESSAGELIMIT has cut short.

import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['UIDAFTER', 'UIDBEFORE'],
  parse({ p }, name) {
    const bound = p.sp().nznumber('a UID')
    return always(name === 'UIDAFTER' ? (m) => m.uid > bound : (m) => m.uid < bound)
  },
})
