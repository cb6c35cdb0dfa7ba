// Ascending ranges of UIDs that lie apart: what two have in common, and what is left without some UIDs.

import type { UidList } from '../../user/types.ts'
import type { NumberRange } from './sequence-set.ts'
import { countBelow } from './uid-list.ts'

/** The UIDs that are in both. */
export function common(a: readonly NumberRange[], b: readonly NumberRange[]): NumberRange[] {
  const both: NumberRange[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const first = Math.max(a[i]!.first, b[j]!.first)
    const last = Math.min(a[i]!.last, b[j]!.last)
    if (first <= last) both.push({ first, last })
    if (a[i]!.last < b[j]!.last) i++
    else j++
  }
  return both
}

/** The UIDs of `ranges` that are not in the list. */
export function without(ranges: readonly NumberRange[], list: UidList): NumberRange[] {
  const left: NumberRange[] = []
  for (const range of ranges) {
    let first = range.first
    for (let at = countBelow(list, first); at < list.count && list.uids[at]! <= range.last; at++) {
      const uid = list.uids[at]!
      if (uid > first) left.push({ first, last: uid - 1 })
      first = uid + 1
    }
    if (first <= range.last) left.push({ first, last: range.last })
  }
  return left
}
