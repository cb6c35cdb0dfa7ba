// Summaries of a mailbox's messages in one append-only file; memory knows only where each lies (columns cacheOffsets,
// cacheLengths). Losing any of it is harmless: the summary is read from the mail object again.
//
// The file's name carries a generation: compaction writes the next one, which the next snapshot names.

import { Buffer } from 'node:buffer'
import type { Files } from '../../runtime/effects.ts'
import { encodeCacheRecord, frameBytes, isRecord, nowhere } from './cache-record.ts'
import type { CachePlace } from './cache-record.ts'
import { CacheScan, holds, noWindow } from './cache-scan.ts'
import type { CacheRun, CacheWindow } from './cache-scan.ts'
import type { Columns } from './columns.ts'

/** A long scan reads so many windows at once. */
const largestScan = 4

export class MessageCache {
  readonly #files: Files
  readonly #directory: string
  readonly #windowBytes: number
  #generation: number
  #path: string
  /** undefined: an append has failed, the file must be asked. */
  #size: number | undefined
  #appending: Promise<void> = Promise.resolve()
  /** The bytes last read: neighbours are mostly wanted next. */
  #window: CacheWindow | undefined

  constructor(files: Files, directory: string, generation: number, windowBytes: number) {
    this.#files = files
    this.#directory = directory
    this.#generation = generation
    this.#path = cachePath(directory, generation)
    this.#windowBytes = windowBytes
  }

  get generation(): number { return this.#generation }
  get path(): string { return this.#path }

  /** Adds a record. `nowhere` if the disk does not take it. */
  append(uid: number, payload: Uint8Array): Promise<CachePlace> {
    const place = this.#appending.then(() => this.#append(encodeCacheRecord(uid, payload)))
    this.#appending = place.then(() => {}, () => {})
    return place.catch(() => nowhere)
  }

  async #append(record: Uint8Array): Promise<CachePlace> {
    const offset = this.#size ?? await this.#ask()
    this.#size = undefined
    await this.#files.append(this.path, record)
    this.#size = offset + record.length
    return { offset, length: record.length }
  }

  /** The record's payload; undefined if it is not there, or damaged, or another message's. */
  async read(uid: number, { offset, length }: CachePlace): Promise<Uint8Array | undefined> {
    if (length < frameBytes) return undefined
    let window = this.#window
    if (window === undefined || !holds(window, offset, length)) {
      window = await this.#read(offset, Math.max(length, this.#windowBytes))
      if (window.bytes.length < length) return undefined
      this.#window = window
    }
    const at = offset - window.offset
    return isRecord(uid, window.bytes, at, length) ? window.bytes.subarray(at + frameBytes, at + length) : undefined
  }

  /**
   * The records of many messages, those in one window at a time; like `read`, but beside its window, lest each take the other's
   * away. Best in the file's order: nearly that of the UIDs.
   */
  scan(uids: ArrayLike<number>, columns: Columns): AsyncIterable<CacheRun> {
    return new CacheScan(uids, columns).runs((offset, length) => this.#read(offset, length), this.#windowBytes, largestScan * this.#windowBytes)
  }

  async #read(offset: number, length: number): Promise<CacheWindow> {
    const bytes = await this.#files.read(this.path, offset, length).catch(() => undefined)
    return bytes === undefined ? noWindow : { offset, bytes }
  }

  /** Bytes of the file, all appends begun included. */
  async size(): Promise<number> {
    await this.#appending
    return this.#size ?? this.#ask()
  }

  async #ask(): Promise<number> { return (await this.#files.stat(this.path))?.size ?? 0 }

  /**
   * Writes the records that `columns` names to a file of the next generation and changes the columns' places. Nothing else
   * may go on meanwhile. The snapshot that names the new generation comes next; then `removeOthers`.
   */
  async compact(columns: Columns, pieceBytes: number): Promise<void> {
    const path = cachePath(this.#directory, this.#generation + 1)
    await this.#files.remove(path)
    const places: CachePlace[] = []
    let piece: Uint8Array[] = []
    let pending = 0
    let size = 0
    const flush = async (): Promise<void> => {
      if (pending > 0) await this.#files.append(path, Buffer.concat(piece))
      piece = []
      pending = 0
    }
    for (let row = 0; row < columns.count; row++) {
      const uid = columns.uids[row]!
      const payload = await this.read(uid, { offset: columns.cacheOffsets[row]!, length: columns.cacheLengths[row]! })
      if (payload === undefined) { places.push(nowhere); continue }
      const record = encodeCacheRecord(uid, payload)
      places.push({ offset: size, length: record.length })
      piece.push(record)
      pending += record.length
      size += record.length
      if (pending > pieceBytes) await flush()
    }
    await flush()
    this.#generation++
    this.#path = path
    this.#size = size
    this.#window = undefined
    for (const [row, place] of places.entries()) {
      columns.cacheOffsets[row] = place.offset
      columns.cacheLengths[row] = place.length
    }
  }

  /** Removes files of other generations. */
  async removeOthers(): Promise<void> {
    const mine = cacheName(this.#generation)
    for (const name of await this.#files.list(this.#directory)) {
      if (name.startsWith('cache.') && name !== mine) await this.#files.remove(`${this.#directory}/${name}`)
    }
  }
}

const cacheName = (generation: number): string => `cache.${generation}`

export const cachePath = (directory: string, generation: number): string => `${directory}/${cacheName(generation)}`
