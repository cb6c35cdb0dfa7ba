// Sequence sets as search keys.

import type { NumberRange, SequenceSet } from '../sequence-set.ts'
import type { Criterion } from './key.ts'

/** Whether a number lies in one of the ascending ranges. O(log n). */
export function inRanges(ranges: readonly NumberRange[]): (n: number) => boolean {
  return (n) => {
    let low = 0
    let high = ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (ranges[middle]!.last < n) low = middle + 1
      else high = middle
    }
    return low < ranges.length && ranges[low]!.first <= n
  }
}

/** Messages by sequence number; numbers beyond the mailbox match nothing (as in Dovecot). */
export const bySequence = (set: SequenceSet): Criterion => ({
  matcher(view) {
    const isIn = inRanges(set.saved ? view.ranges(set, false) : set.resolve(view.count))
    return (m) => isIn(m.seq)
  },
})

/** Messages by UID; UIDs that are not there match nothing. */
export const byUid = (set: SequenceSet): Criterion => ({
  matcher(view, now) {
    if (set.saved) return bySequence(set).matcher(view, now)
    const isIn = inRanges(set.resolve(view.count > 0 ? view.uidAt(view.count) : 0))
    return (m) => isIn(m.uid)
  },
})
