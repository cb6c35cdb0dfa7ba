// ANSWERED, DELETED, DRAFT, FLAGGED, SEEN and their opposites. RFC 3501 §6.4.4.

import { Flag } from '../../../user/types.ts'
import { always, searchKey } from './key.ts'

const bits: Readonly<Record<string, number>> = {
  ANSWERED: Flag.Answered, DELETED: Flag.Deleted, DRAFT: Flag.Draft, FLAGGED: Flag.Flagged, SEEN: Flag.Seen,
}

export default searchKey({
  names: Object.keys(bits).flatMap((name) => [name, `UN${name}`]),
  parse(_, name) {
    const set = name in bits
    const bit = bits[set ? name : name.slice(2)]!
    return always((m) => ((m.messages.flags[m.row]! & bit) !== 0) === set)
  },
})
