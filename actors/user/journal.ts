// An append-only file of records beside a snapshot: what has happened since the snapshot was written. Used for the root
// and for each mailbox.
//
// Rules:
// - Write-ahead: a record is applied to memory when the file has it, never before. So nothing has to be rolled back when
//   the disk fails, and what a session sees, a restart finds. Records are applied in the order they were handed in; those
//   that come while an append is under way share the next one.
// - File: header (magic, identity, generation, checksum), then records, each: length, CRC-32 of the payload, payload.
// - A torn tail (crash within an append) is cut at the last whole record. With a whole record behind it, it is damage.
// - The snapshot of generation n holds everything before the journal of generation n. A new generation writes the
//   snapshot first, then the empty journal; after a crash between the two, the journal is older than the snapshot and
//   is void.
// - After a failed append the file may have part of it: it is cut back before anything else is appended.

import { Buffer } from 'node:buffer'
import { crc32 } from '../../runtime/crc32.ts'
import type { Files } from '../../runtime/effects.ts'
import { TempFail, messageOf } from '../../runtime/errors.ts'
import { onDisk } from './local-space.ts'

const magic = Buffer.from('CULVERJ1', 'latin1')
export const journalHeaderBytes = 8 + 16 + 4 + 4
const frameBytes = 8

/** What is written in a journal file. */
export interface JournalContents {
  /** 32 hex digits: of what it is the journal. */
  identity: string
  generation: number
  records: Uint8Array[]
  /** Bytes up to the end of the last whole record. */
  end: number
  /** There are bytes behind it that are no whole record. */
  torn: boolean
  /** A whole record lies behind them: they are no torn tail, something has changed the file. */
  damaged: boolean
}

export function encodeJournalHeader(identity: string, generation: number): Uint8Array {
  const bytes = Buffer.alloc(journalHeaderBytes)
  bytes.set(magic)
  bytes.set(Buffer.from(identity, 'hex'), 8)
  bytes.writeUInt32LE(generation, 24)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
  return bytes
}

/** The header at the beginning of `bytes`; undefined if there is none of ours, or a damaged one. */
export function decodeJournalHeader(bytes: Uint8Array): { identity: string; generation: number } | undefined {
  if (bytes.length < journalHeaderBytes) return undefined
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, journalHeaderBytes)
  if (!header.subarray(0, 8).equals(magic) || header.readUInt32LE(28) !== crc32(header.subarray(0, 28))) return undefined
  return { identity: header.toString('hex', 8, 24), generation: header.readUInt32LE(24) }
}

/** A whole journal file; undefined if its header is not ours or damaged. */
export function decodeJournal(bytes: Uint8Array): JournalContents | undefined {
  const header = decodeJournalHeader(bytes)
  if (header === undefined) return undefined
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const records: Uint8Array[] = []
  let end = journalHeaderBytes
  while (end + frameBytes <= bytes.length) {
    const length = view.readUInt32LE(end)
    const next = end + frameBytes + length
    // An empty record is never written: zeros that a file system left at the end are not records.
    if (length === 0 || next > bytes.length) break
    const payload = bytes.subarray(end + frameBytes, next)
    if (view.readUInt32LE(end + 4) !== crc32(payload)) break
    records.push(payload)
    end = next
  }
  return { ...header, records, end, torn: end < bytes.length, damaged: holdsRecord(view, end + 1) }
}

/** Whether a whole record begins anywhere from `at` on. */
function holdsRecord(bytes: Buffer, at: number): boolean {
  for (; at + frameBytes < bytes.length; at++) {
    const length = bytes.readUInt32LE(at)
    const next = at + frameBytes + length
    if (length > 0 && next <= bytes.length && bytes.readUInt32LE(at + 4) === crc32(bytes.subarray(at + frameBytes, next))) return true
  }
  return false
}

/** One record in its frame. */
export function encodeJournalRecord(payload: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(frameBytes + payload.length)
  frame.writeUInt32LE(payload.length, 0)
  frame.writeUInt32LE(crc32(payload), 4)
  frame.set(payload, frameBytes)
  return frame
}

interface Waiting {
  frame: Uint8Array
  durable: boolean
  rows: number
  /** Applies the record and resolves its asker. */
  written(): void
  failed(error: unknown): void
}

/** How a journal begins: as read, or fresh. */
export interface JournalStart {
  path: string; snapshotPath: string; identity: string; generation: number; size: number; snapshotSize: number
  /** Rows that its records change. */
  rows?: number
  /** The file has more bytes than `size`: a torn tail, which is cut before anything is appended. */
  ragged?: boolean
}

/** What a journal needs of its owner. */
export interface JournalOwner {
  readonly files: Files
  /** Journal bytes after which a new generation begins (at least; also the size of the snapshot). */
  readonly limitBytes: number
  /** A row that a record changes counts as so many bytes: a short one may change a whole mailbox, and is replayed at every start. */
  readonly rowBytes?: number
  /** Whether new generations are forced to disk. */
  readonly durableSnapshots: boolean
  /** To be awaited before anything is written; undefined: nothing has to be. TempFail. */
  begin?(): Promise<void> | undefined
  /** The owner's memory as a snapshot of that generation. */
  snapshot(generation: number): Uint8Array
}

export class Journal {
  readonly #owner: JournalOwner
  readonly #path: string
  readonly #snapshotPath: string
  readonly #identity: string
  #generation: number
  #size: number
  #snapshotSize: number
  #rows: number
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  /** The file may have more than #size bytes. */
  #ragged = false
  /** A new generation has been begun and must be completed before anything is appended. */
  #rotating = false

  constructor(owner: JournalOwner, start: JournalStart) {
    this.#owner = owner
    this.#path = start.path
    this.#snapshotPath = start.snapshotPath
    this.#identity = start.identity
    this.#generation = start.generation
    this.#size = start.size
    this.#snapshotSize = start.snapshotSize
    this.#rows = start.rows ?? 0
    this.#ragged = start.ragged === true
  }

  get generation(): number { return this.#generation }
  /** Bytes of the file. */
  get size(): number { return this.#size }
  /** What it and its snapshot take of the disk. */
  get space(): number { return onDisk(this.#size) + onDisk(this.#snapshotSize) }
  /** Records are on their way to the file. */
  get busy(): boolean { return this.#running !== undefined }

  /** Writes a record, which changes `rows`; then calls `apply`, in order and at once, and resolves with what it gave. TempFail: nothing happened. */
  append<T>(payload: Uint8Array, durable: boolean, apply: () => T, rows = 0): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        frame: encodeJournalRecord(payload),
        durable,
        rows,
        written: () => { try { resolve(apply()) } catch (error) { reject(error) } },
        failed: reject,
      })
      this.#run()
    })
  }

  /** Begins a new generation with a snapshot of now. TempFail: it is made up for before the next record. */
  async rotate(): Promise<void> {
    await this.settled()
    this.#rotating = true
    this.#running = this.#finishRotation().finally(() => { this.#running = undefined; this.#run() })
    await this.#running
  }

  /** Resolves when no record is on its way. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => {})
  }

  #run(): void {
    if (this.#running !== undefined || this.#waiting.length === 0) return
    this.#running = this.#drain().finally(() => { this.#running = undefined; this.#run() })
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#write(batch)
      } catch (error) {
        const failure = error instanceof TempFail ? error : new TempFail(`cannot write ${this.#path}: ${messageOf(error)}`, { cause: error })
        for (const one of batch) one.failed(failure)
        continue
      }
      for (const one of batch) one.written()
      if (this.#isLarge) await this.#rotateNow()
    }
  }

  async #write(batch: Waiting[]): Promise<void> {
    const begun = this.#owner.begin?.()
    if (begun !== undefined) await begun
    if (this.#rotating) await this.#finishRotation()
    if (this.#ragged) {
      await this.#owner.files.truncate(this.#path, this.#size)
      this.#ragged = false
    }
    const bytes = batch.length === 1 ? batch[0]!.frame : Buffer.concat(batch.map((one) => one.frame))
    const durable = batch.some((one) => one.durable)
    try {
      await this.#owner.files.append(this.#path, bytes, durable)
    } catch (error) {
      this.#ragged = true
      // Now, so that a restart does not find what was refused; where that fails too, before the next append.
      await this.#owner.files.truncate(this.#path, this.#size, durable).then(() => { this.#ragged = false }, () => {})
      throw error
    }
    this.#size += bytes.length
    for (const { rows } of batch) this.#rows += rows
  }

  get #isLarge(): boolean {
    const { limitBytes, rowBytes = 0 } = this.#owner
    return this.#size + this.#rows * rowBytes > Math.max(limitBytes, this.#snapshotSize)
  }

  async #rotateNow(): Promise<void> {
    this.#rotating = true
    // The records are safe in the old generation: failing here fails nobody, it is tried again before the next record.
    await this.#finishRotation().catch(() => {})
  }

  async #finishRotation(): Promise<void> {
    const { files, durableSnapshots } = this.#owner
    const generation = this.#generation + 1
    const snapshot = this.#owner.snapshot(generation)
    await files.replace(this.#snapshotPath, snapshot, durableSnapshots)
    await files.replace(this.#path, encodeJournalHeader(this.#identity, generation), durableSnapshots)
    this.#generation = generation
    this.#size = journalHeaderBytes
    this.#snapshotSize = snapshot.length
    this.#rows = 0
    this.#rotating = false
    this.#ragged = false
  }
}
