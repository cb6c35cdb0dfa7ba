// The file of a cached object: its bytes from the beginning of the file, and behind them what else is known of it, so that
// an object can be written as it arrives and any range of it is one read.
//
//   bytes | facts, JSON | length of the facts u32 | checksum of the bytes u32 | checksum of the facts u32 | `CVF1`
//
// A file that does not end so, or is of another length than it says, is no entry.

import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'
import type { ObjectStat } from '../../runtime/effects.ts'
import { limits } from '../../runtime/limits.ts'
import { readAll } from './cache-disk.ts'
import type { CacheFile } from './cache-disk.ts'

/** What the parent said of the object. `size` is that of the bytes that are there. */
export interface Facts extends ObjectStat { key: string }

/** An entry's file, looked at. `bytes`: all of them, where they are few. */
export interface Found { facts: Facts; checksum: number; bytes: Uint8Array | undefined }

const magic = Buffer.from('CVF1')
const fixedBytes = 16
/** Facts take some hundred bytes: they are read together with the end of the file. */
const tailBytes = 4096
const pieceBytes = 256 * 1024

/** What is written behind the bytes of an object. */
export const tailOf = (facts: Facts, checksum: number): Uint8Array => {
  const json = Buffer.from(JSON.stringify(facts))
  const end = Buffer.alloc(fixedBytes)
  end.writeUInt32LE(json.length, 0)
  end.writeUInt32LE(checksum, 4)
  end.writeUInt32LE(crc32(json), 8)
  magic.copy(end, 12)
  return Buffer.concat([json, end])
}

/** Reads what a file of `size` bytes says of itself; undefined where it is no entry. A short one is read whole, in one piece. */
export const lookAt = async (file: CacheFile, size: number): Promise<Found | undefined> => {
  if (size < fixedBytes) return undefined
  const from = size <= limits.memoryBodyBytes + tailBytes ? 0 : size - tailBytes
  const read = Buffer.from((await readAll(file, from, size - from)).buffer)
  const end = read.subarray(read.length - fixedBytes)
  if (!end.subarray(12).equals(magic)) return undefined
  const length = end.readUInt32LE(0)
  const bodyBytes = size - fixedBytes - length
  if (bodyBytes < 0) return undefined
  const json = bodyBytes >= from
    ? read.subarray(bodyBytes - from, bodyBytes - from + length)
    : Buffer.from((await readAll(file, bodyBytes, length)).buffer)
  if (crc32(json) !== end.readUInt32LE(8)) return undefined
  const facts = JSON.parse(json.toString()) as Facts
  if (facts.size !== bodyBytes) return undefined
  return { facts, checksum: end.readUInt32LE(4), bytes: from === 0 && bodyBytes <= limits.memoryBodyBytes ? read.subarray(0, bodyBytes) : undefined }
}

/** Whether the bytes are those that were written. Reads them all. */
export const isWhole = async (file: CacheFile, { facts, checksum, bytes }: Found): Promise<boolean> => {
  if (bytes) return crc32(bytes) === checksum
  let sum = 0
  for (let at = 0; at < facts.size; at += pieceBytes) sum = crc32(await readAll(file, at, Math.min(pieceBytes, facts.size - at)), sum)
  return sum === checksum
}
