// Looking things up in a UidList: binary search over its ascending UIDs.

import type { UidList } from '../../user/types.ts'

/** How many UIDs of the list are below `uid`: also the index of the first one ≥ uid. */
export function countBelow(list: UidList, uid: number): number {
  const { uids } = list
  let low = 0
  let high = list.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (uids[middle]! < uid) low = middle + 1
    else high = middle
  }
  return low
}

/** Index of `uid` in the list, -1 if it is not there. */
export function positionOf(list: UidList, uid: number): number {
  const index = countBelow(list, uid)
  return index < list.count && list.uids[index] === uid ? index : -1
}

/** The same for one who goes through many: O(1) if it is `near`. */
export const positionNear = (list: UidList, uid: number, near: number): number =>
  (near < list.count && list.uids[near] === uid ? near : positionOf(list, uid))

/** The UIDs of `list` that `other` does not have, ascending. */
export function missingFrom(list: UidList, other: UidList): number[] {
  const missing: number[] = []
  let at = 0
  for (let i = 0; i < list.count; i++) {
    const uid = list.uids[i]!
    while (at < other.count && other.uids[at]! < uid) at++
    if (at >= other.count || other.uids[at] !== uid) missing.push(uid)
  }
  return missing
}
