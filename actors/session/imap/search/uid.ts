// UID <sequence set>. RFC 3501 §6.4.4. UIDs that are not there match nothing.

import { searchKey } from './key.ts'
import { inRanges } from './sets.ts'

export default searchKey({
  names: ['UID'],
  parse({ p }) {
    const set = p.sp().sequenceSet()
    return {
      matcher(view) {
        const isIn = inRanges(set.resolve(view.count > 0 ? view.uidAt(view.count) : 0))
        return (m) => isIn(m.uid)
      },
    }
  },
})
