// Where a key lives: rendezvous hashing. Every thread computes the same answer alone, and when the number of places
// changes from n to n+1 only about 1/(n+1) of the keys move.

/** FNV-1a over the UTF-16 units of a string, then a finaliser so that near keys spread. 32 bits. */
function hash(key: string, seed: number): number {
  let h = (0x811c9dc5 ^ seed) >>> 0
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193)
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The place of `key` among 0 … places-1: the one with the highest weight. */
export function placeOf(key: string, places: number): number {
  let best = 0
  let bestWeight = -1
  for (let place = 0; place < places; place++) {
    const weight = hash(key, Math.imul(place + 1, 0x9e3779b1))
    if (weight > bestWeight) {
      best = place
      bestWeight = weight
    }
  }
  return best
}
