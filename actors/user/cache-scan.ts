// Going through many records of a message cache: in windows of its file, the next one being read while the last is looked at, and
// without an object for each record.

import type { Columns } from './columns.ts'
import { frameBytes, isRecord } from './cache-record.ts'
import type { CachePlace } from './cache-record.ts'

/** A piece of the file in memory. */
export interface CacheWindow { readonly offset: number; readonly bytes: Uint8Array }

/** Reads a piece of the file; fewer bytes, or none, where it ends. Never rejects. */
export type ReadWindow = (offset: number, length: number) => Promise<CacheWindow>

export const noWindow: CacheWindow = { offset: 0, bytes: new Uint8Array() }

export const holds = (window: CacheWindow, offset: number, length: number): boolean =>
  offset >= window.offset && offset + length <= window.offset + window.bytes.length

/** Records that one window holds, or that are nowhere; `next` goes to the first one and on. */
export class CacheRun {
  readonly #scan: CacheScan
  readonly #window: CacheWindow
  readonly #to: number
  #at: number
  /** Of the record it has come to; `end` 0: it is not there, or damaged, or another message's. */
  uid = 0
  readonly bytes: Uint8Array
  start = 0
  end = 0

  constructor(scan: CacheScan, window: CacheWindow, from: number, to: number) {
    this.#scan = scan
    this.#window = window
    this.bytes = window.bytes
    this.#at = from
    this.#to = to
  }

  next(): boolean {
    if (this.#at >= this.#to) return false
    const scan = this.#scan
    this.uid = scan.uids[this.#at]!
    this.end = 0
    if (scan.look(this.#at++) && holds(this.#window, scan.offset, scan.length)) {
      const at = scan.offset - this.#window.offset
      if (isRecord(this.uid, this.bytes, at, scan.length)) {
        this.start = at + frameBytes
        this.end = at + scan.length
      }
    }
    return true
  }
}

export class CacheScan {
  readonly uids: ArrayLike<number>
  readonly #columns: Columns
  #row = -1
  /** Where the record lies that was looked for last. */
  offset = 0
  length = 0

  constructor(uids: ArrayLike<number>, columns: Columns) {
    this.uids = uids
    this.#columns = columns
  }

  /** Runs in the order of the UIDs. Windows grow as it goes on, up to `most` times the first. */
  async *runs(read: ReadWindow, firstBytes: number, mostBytes: number): AsyncGenerator<CacheRun> {
    const { uids } = this
    let windowBytes = firstBytes
    let ahead: { place: CachePlace; window: Promise<CacheWindow> } | undefined
    const begin = (index: number): typeof ahead => {
      const place = this.#firstPlace(index)
      const window = place && read(place.offset, Math.max(place.length, windowBytes))
      windowBytes = Math.min(2 * windowBytes, mostBytes)
      return place && { place, window: window! }
    }
    for (let at = 0; at < uids.length;) {
      const window = await (ahead ?? begin(at))?.window ?? noWindow
      const to = this.#endOfRun(at, window)
      ahead = to < uids.length ? begin(to) : undefined
      yield new CacheRun(this, window, at, to)
      at = to
    }
  }

  /** Whether a message has a record, and where. */
  look(index: number): boolean {
    const columns = this.#columns
    const row = this.#row = columns.rowNear(this.uids[index]!, this.#row + 1)
    this.length = row < 0 ? 0 : columns.cacheLengths[row]!
    this.offset = row < 0 ? 0 : columns.cacheOffsets[row]!
    return this.length >= frameBytes
  }

  #firstPlace(from: number): CachePlace | undefined {
    for (let index = from; index < this.uids.length; index++) if (this.look(index)) return { offset: this.offset, length: this.length }
    return undefined
  }

  /** At least one record: what is not in the window that was read for it is nowhere. */
  #endOfRun(from: number, window: CacheWindow): number {
    let to = from + 1
    while (to < this.uids.length && (!this.look(to) || holds(window, this.offset, this.length))) to++
    this.#row = -1
    return to
  }
}
