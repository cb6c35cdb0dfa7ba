// Ascending UIDs as bytes: runs of neighbours, each as the gap before it and its length, in groups of seven bits, low ones first. What a
// session keeps of its view while nothing happens: 10,000 messages in a row are 3 bytes, every other one of them 2 bytes each.

import type { UidList } from '../../user/types.ts'

export function packUids({ uids, count }: UidList): Uint8Array {
  const bytes: number[] = []
  let before = 0
  for (let at = 0; at < count;) {
    const first = uids[at]!
    let length = 1
    while (at + length < count && uids[at + length] === first + length) length++
    put(bytes, first - before)
    put(bytes, length)
    before = first + length - 1
    at += length
  }
  return Uint8Array.from(bytes)
}

/** `count`: how many were packed. */
export function unpackUids(packed: Uint8Array, count: number): UidList {
  const uids = new Uint32Array(count)
  let uid = 0
  let at = 0
  const take = (): number => {
    let value = 0
    for (let weight = 1; ; weight *= 128) {
      const byte = packed[at++]!
      value += (byte & 127) * weight
      if (byte < 128) return value
    }
  }
  for (let index = 0; index < count;) {
    uid += take()
    for (let left = take(); left > 0; left--) uids[index++] = left > 1 ? uid++ : uid
  }
  return { uids, count }
}

function put(bytes: number[], value: number): void {
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      bytes.push(rest)
      return
    }
    bytes.push((rest & 127) | 128)
  }
}
