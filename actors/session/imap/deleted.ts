// The messages that EXPUNGE and CLOSE remove. RFC 3501 §6.4.3.

import { Flag } from '../../user/types.ts'
import type { Messages } from '../../user/types.ts'

/** UIDs of the messages with \Deleted, ascending. */
export function deletedUids({ uids, flags, count }: Messages): number[] {
  const found: number[] = []
  for (let row = 0; row < count; row++) if ((flags[row]! & Flag.Deleted) !== 0) found.push(uids[row]!)
  return found
}
