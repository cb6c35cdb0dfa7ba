// The messages of a mailbox as columns: one typed array a property, rows in UID order. 100,000 messages are 6 MB and no
// objects for the garbage collector.
//
// The UIDs are a value for others: views hold `uidList()` while the mailbox goes on. Appending writes behind the end of
// every list given out and may share its array; removing makes a new array. The other columns are compacted in place.

import { Buffer } from 'node:buffer'
import type { Messages, UidList } from './types.ts'

/** One message with all its columns. */
export interface Row {
  uid: number
  flags: number
  /** Keyword numbers. */
  keywords: readonly number[]
  modseq: number
  size: number
  internalDate: number
  saveDate: number
  /** 32 hex digits. */
  guid: string
  /** Where its summary lies in the message cache; length 0: nowhere. */
  cacheOffset: number
  cacheLength: number
}

const guidBytes = 16

export class Columns implements Messages {
  count = 0
  uids: Uint32Array = new Uint32Array(16)
  flags: Uint8Array = new Uint8Array(16)
  modseqs: Float64Array = new Float64Array(16)
  sizes: Uint32Array = new Uint32Array(16)
  internalDates: Float64Array = new Float64Array(16)
  saveDates: Float64Array = new Float64Array(16)
  guids: Uint8Array = new Uint8Array(16 * guidBytes)
  cacheOffsets: Float64Array = new Float64Array(16)
  cacheLengths: Uint32Array = new Uint32Array(16)
  /** What has happened to the row's mail since the store last had everything (touched.ts). */
  touches: Uint16Array = new Uint16Array(16)
  /** Keyword k of a row: bit k % 32 of plane k / 32. */
  keywordPlanes: Uint32Array[] = []

  rowOf(uid: number): number {
    const row = this.rowFrom(uid)
    return row < this.count && this.uids[row] === uid ? row : -1
  }

  rowNear(uid: number, near: number): number { return near < this.count && this.uids[near] === uid ? near : this.rowOf(uid) }

  rowFrom(uid: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.uids[middle]! < uid) low = middle + 1
      else high = middle
    }
    return low
  }

  hasKeyword(row: number, keyword: number): boolean {
    const plane = this.keywordPlanes[keyword >>> 5]
    return plane !== undefined && (plane[row]! & (1 << (keyword & 31))) !== 0
  }

  keywordsOf(row: number): number[] {
    const numbers: number[] = []
    for (let index = 0; index < this.keywordPlanes.length; index++) {
      const plane = this.keywordPlanes[index]!
      for (let bits = plane[row]!; bits !== 0; bits &= bits - 1) numbers.push(index * 32 + 31 - Math.clz32(bits & -bits))
    }
    return numbers
  }

  guidOf(row: number): string {
    return Buffer.from(this.guids.buffer, this.guids.byteOffset + row * guidBytes, guidBytes).toString('hex')
  }

  uidList(): UidList { return { uids: this.uids, count: this.count } }

  /** A message behind the last one: its UID is larger than all. */
  push(row: Row): void {
    if (this.count === this.uids.length) this.#grow(this.count * 2)
    const at = this.count
    this.uids[at] = row.uid
    this.flags[at] = row.flags
    this.modseqs[at] = row.modseq
    this.sizes[at] = row.size
    this.internalDates[at] = row.internalDate
    this.saveDates[at] = row.saveDate
    this.guids.set(Buffer.from(row.guid, 'hex'), at * guidBytes)
    this.cacheOffsets[at] = row.cacheOffset
    this.cacheLengths[at] = row.cacheLength
    this.touches[at] = 0
    for (const plane of this.keywordPlanes) plane[at] = 0
    for (const keyword of row.keywords) this.setKeyword(at, keyword, true)
    this.count++
  }

  setKeyword(row: number, keyword: number, on: boolean): void {
    while (this.keywordPlanes.length <= keyword >>> 5) this.keywordPlanes.push(new Uint32Array(this.uids.length))
    const plane = this.keywordPlanes[keyword >>> 5]!
    const bit = 1 << (keyword & 31)
    plane[row] = on ? plane[row]! | bit : plane[row]! & ~bit
  }

  clearKeywords(row: number): void { for (const plane of this.keywordPlanes) plane[row] = 0 }

  row(at: number): Row {
    return {
      uid: this.uids[at]!, flags: this.flags[at]!, keywords: this.keywordsOf(at), modseq: this.modseqs[at]!, size: this.sizes[at]!,
      internalDate: this.internalDates[at]!, saveDate: this.saveDates[at]!, guid: this.guidOf(at),
      cacheOffset: this.cacheOffsets[at]!, cacheLength: this.cacheLengths[at]!,
    }
  }

  /** Takes out rows (ascending). Lists given out before are not touched. */
  remove(rows: readonly number[]): void {
    if (rows.length === 0) return
    this.uids = this.uids.slice()
    const columns = [this.uids, this.flags, this.modseqs, this.sizes, this.internalDates, this.saveDates, this.cacheOffsets, this.cacheLengths, this.touches, ...this.keywordPlanes]
    let to = rows[0]!
    for (const [index, row] of rows.entries()) {
      const from = row + 1
      const end = rows[index + 1] ?? this.count
      for (const column of columns) column.copyWithin(to, from, end)
      this.guids.copyWithin(to * guidBytes, from * guidBytes, end * guidBytes)
      to += end - from
    }
    this.count = to
  }

  /** Room for `capacity` rows. */
  #grow(capacity: number): void {
    const u32 = (old: Uint32Array): Uint32Array => { const larger = new Uint32Array(capacity); larger.set(old); return larger }
    const u16 = (old: Uint16Array): Uint16Array => { const larger = new Uint16Array(capacity); larger.set(old); return larger }
    const f64 = (old: Float64Array): Float64Array => { const larger = new Float64Array(capacity); larger.set(old); return larger }
    const u8 = (old: Uint8Array, width: number): Uint8Array => { const larger = new Uint8Array(capacity * width); larger.set(old); return larger }
    this.uids = u32(this.uids)
    this.flags = u8(this.flags, 1)
    this.modseqs = f64(this.modseqs)
    this.sizes = u32(this.sizes)
    this.internalDates = f64(this.internalDates)
    this.saveDates = f64(this.saveDates)
    this.guids = u8(this.guids, guidBytes)
    this.cacheOffsets = f64(this.cacheOffsets)
    this.cacheLengths = u32(this.cacheLengths)
    this.touches = u16(this.touches)
    this.keywordPlanes = this.keywordPlanes.map(u32)
  }
}
