// EMAILID and THREADID. RFC 8474 §6. No message has a THREADID here.

import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['EMAILID', 'THREADID'],
  capability: 'OBJECTID',
  parse({ p }, name) {
    const wanted = p.sp().atom('an object ID')
    return always((m) => name === 'EMAILID' && m.messages.guidOf(m.row) === wanted)
  },
})
