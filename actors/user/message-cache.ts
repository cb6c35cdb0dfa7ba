// Summaries of a mailbox's messages in one append-only file; memory knows only where each lies (columns cacheOffsets,
// cacheLengths). Losing any of it is harmless: the summary is read from the mail object again.
//
// Record: bytes of the rest u32 · CRC-32 of the rest u32 · UID u32 · encoded summary. The file's name carries a generation:
// compaction writes the next one, which the next snapshot names.

import { Buffer } from 'node:buffer'
import { crc32 } from '../../runtime/crc32.ts'
import type { Files } from '../../runtime/effects.ts'
import type { Columns } from './columns.ts'

const frameBytes = 12

/** A long scan reads so many windows at once: opening the file costs as much as reading several. */
const largestScan = 4

/** Where a record lies. Length 0: nowhere. */
export interface CachePlace { offset: number; length: number }

export const nowhere: CachePlace = { offset: 0, length: 0 }

/** A piece of the file in memory. */
interface CacheWindow { offset: number; bytes: Uint8Array }

export class MessageCache {
  readonly #files: Files
  readonly #directory: string
  readonly #windowBytes: number
  #generation: number
  /** undefined: an append has failed, the file must be asked. */
  #size: number | undefined
  #appending: Promise<void> = Promise.resolve()
  /** The bytes last read: neighbours are mostly wanted next. */
  #window: CacheWindow | undefined

  constructor(files: Files, directory: string, generation: number, windowBytes: number) {
    this.#files = files
    this.#directory = directory
    this.#generation = generation
    this.#windowBytes = windowBytes
  }

  get generation(): number { return this.#generation }
  get path(): string { return cachePath(this.#directory, this.#generation) }

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
    if (window === undefined || !holds(window, { offset, length })) {
      const bytes = await this.#files.read(this.path, offset, Math.max(length, this.#windowBytes)).catch(() => undefined)
      if (bytes === undefined || bytes.length < length) return undefined
      window = this.#window = { offset, bytes }
    }
    const at = offset - window.offset
    return decodeCacheRecord(uid, window.bytes.subarray(at, at + length))
  }

  /**
   * The payloads of many records, those in one window at a time; like `read`, but beside its window, lest each take the other's
   * away. Windows grow as the scan goes on. Payloads are views of the window. Best in the file's order: nearly that of the UIDs.
   */
  async *scan(wanted: Iterable<{ uid: number; place: CachePlace }>): AsyncGenerator<{ uid: number; payload: Uint8Array | undefined }[]> {
    let window: CacheWindow = { offset: 0, bytes: noBytes }
    let batch: { uid: number; payload: Uint8Array | undefined }[] = []
    let windowBytes = this.#windowBytes
    for (const { uid, place } of wanted) {
      const { offset, length } = place
      if (length >= frameBytes && !holds(window, place)) {
        if (batch.length > 0) yield batch
        batch = []
        window = { offset, bytes: await this.#readOrNothing(offset, Math.max(length, windowBytes)) }
        windowBytes = Math.min(2 * windowBytes, largestScan * this.#windowBytes)
      }
      const there = length >= frameBytes && holds(window, place)
      const at = offset - window.offset
      batch.push({ uid, payload: there ? decodeCacheRecord(uid, window.bytes.subarray(at, at + length)) : undefined })
    }
    if (batch.length > 0) yield batch
  }

  async #readOrNothing(offset: number, length: number): Promise<Uint8Array> {
    return await this.#files.read(this.path, offset, length).catch(() => undefined) ?? noBytes
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

const noBytes = new Uint8Array()

const holds = (window: CacheWindow, { offset, length }: CachePlace): boolean =>
  offset >= window.offset && offset + length <= window.offset + window.bytes.length

const cacheName = (generation: number): string => `cache.${generation}`

export const cachePath = (directory: string, generation: number): string => `${directory}/${cacheName(generation)}`

function encodeCacheRecord(uid: number, payload: Uint8Array): Uint8Array {
  const record = Buffer.allocUnsafe(frameBytes + payload.length)
  record.writeUInt32LE(4 + payload.length, 0)
  record.writeUInt32LE(uid, 8)
  record.set(payload, frameBytes)
  record.writeUInt32LE(crc32(record.subarray(8)), 4)
  return record
}

function decodeCacheRecord(uid: number, bytes: Uint8Array): Uint8Array | undefined {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (record.readUInt32LE(0) !== bytes.length - 8 || record.readUInt32LE(8) !== uid) return undefined
  return record.readUInt32LE(4) === crc32(record.subarray(8)) ? bytes.subarray(frameBytes) : undefined
}
