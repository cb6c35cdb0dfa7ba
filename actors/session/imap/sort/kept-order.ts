// The order of a whole mailbox, from which that of any of its messages follows without comparing anything.

/** Messages by UID, ascending, and the place of each in the order. */
export interface KeptOrder { readonly uids: Uint32Array; readonly ranks: Uint32Array }

/** `order`: indexes of `uids`, in their order. */
export function keptOrder(uids: Uint32Array, order: ArrayLike<number>): KeptOrder {
  const ranks = new Uint32Array(uids.length)
  for (let place = 0; place < order.length; place++) ranks[order[place]!] = place
  return { uids, ranks }
}

/** Indexes of `wanted` (UIDs, ascending) in the kept order; undefined if that lacks one of them. O(kept). */
export function orderOf(wanted: Uint32Array, { uids, ranks }: KeptOrder): number[] | undefined {
  /** At each place the index there, plus one. */
  const places = new Uint32Array(uids.length)
  let at = 0
  for (let index = 0; index < wanted.length; index++) {
    while (at < uids.length && uids[at]! < wanted[index]!) at++
    if (uids[at] !== wanted[index]) return undefined
    places[ranks[at]!] = index + 1
  }
  const order: number[] = []
  for (let place = 0; place < places.length; place++) if (places[place]! > 0) order.push(places[place]! - 1)
  return order
}
