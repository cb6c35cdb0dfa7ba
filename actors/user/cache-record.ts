// A record of the message cache: bytes of the rest u32 · CRC-32 of the rest u32 · UID u32 · encoded summary.

import { Buffer } from 'node:buffer'
import { crc32 } from '../../runtime/crc32.ts'

/** What stands before the summary. */
export const frameBytes = 12

/** Where a record lies. Length 0: nowhere. */
export interface CachePlace { offset: number; length: number }

export const nowhere: CachePlace = { offset: 0, length: 0 }

export function encodeCacheRecord(uid: number, payload: Uint8Array): Uint8Array {
  const record = Buffer.allocUnsafe(frameBytes + payload.length)
  record.writeUInt32LE(4 + payload.length, 0)
  record.writeUInt32LE(uid, 8)
  record.set(payload, frameBytes)
  record.writeUInt32LE(crc32(record.subarray(8)), 4)
  return record
}

/** Whether an undamaged record of this message, `length` bytes long, begins at `at`. */
export function isRecord(uid: number, bytes: Uint8Array, at: number, length: number): boolean {
  return length >= frameBytes && uint32At(bytes, at) === length - 8 && uint32At(bytes, at + 8) === uid
    && uint32At(bytes, at + 4) === crc32(new Uint8Array(bytes.buffer, bytes.byteOffset + at + 8, length - 8))
}

const uint32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0
