// UID <sequence set>. RFC 3501 §6.4.4.

import { searchKey } from './key.ts'
import { byUid } from './sets.ts'

export default searchKey({ names: ['UID'], parse: ({ p }) => byUid(p.sp().sequenceSet()) })
