// Sequence sets as search keys.

import type { NumberRange, SequenceSet } from '../sequence-set.ts'
import type { Criterion, Numbering } from './key.ts'

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

/** Numbers as the UIDs they once meant. What is between two UIDs now was between them then. */
function uidsOf(set: SequenceSet, { list, saved }: Numbering): NumberRange[] {
  if (set.saved) return Array.from(saved, (uid) => ({ first: uid, last: uid }))
  return set.resolve(list.count).flatMap(({ first, last }) => {
    const end = Math.min(last, list.count)
    return first > end ? [] : [{ first: list.uids[first - 1]!, last: list.uids[end - 1]! }]
  })
}

/** Messages by sequence number; numbers beyond the mailbox match nothing (as in Dovecot). */
export const bySequence = (set: SequenceSet): Criterion => ({
  matcher(view, _, then) {
    if (then !== undefined) {
      const was = inRanges(uidsOf(set, then))
      return (m) => was(m.uid)
    }
    const isIn = inRanges(set.saved ? view.ranges(set, false) : set.resolve(view.count))
    return (m) => isIn(m.seq)
  },
})

/** Messages by UID; UIDs that are not there match nothing. */
export const byUid = (set: SequenceSet): Criterion => ({
  matcher(view, now, then) {
    if (set.saved) return bySequence(set).matcher(view, now, then)
    const isIn = inRanges(set.resolve(view.count > 0 ? view.uidAt(view.count) : 0))
    return (m) => isIn(m.uid)
  },
})
