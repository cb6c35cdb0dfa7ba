// Bodies: bytes to be written, which lie in memory or in spool files, and bytes being read.

import { open } from 'node:fs/promises'
import { Buffer } from 'node:buffer'
import type { Body, ByteRange, ObjectReader, ObjectStat } from '../../runtime/effects.ts'
import { Bug, LimitExceeded, messageOf, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'

const pieceBytes = 64 * 1024

/** A body of bytes in memory. */
export const bodyOf = (...parts: Uint8Array[]): Body => ({ size: parts.reduce((sum, part) => sum + part.length, 0), parts })

/** Whether a body is short and wholly in memory: then it is signed, hashed and sent in one piece. */
export const isShort = (body: Body): boolean =>
  body.size <= limits.memoryBodyBytes && body.parts.every((part) => part instanceof Uint8Array)

/** A short body in one piece. */
export const joinShort = (body: Body): Uint8Array => {
  checkSize(body)
  const only = body.parts[0]
  return body.parts.length === 1 && only instanceof Uint8Array ? only : Buffer.concat(body.parts as Uint8Array[])
}

/**
 * A copy of a body that can be moved to another thread: `transfer` is what moves. (A message that only refers to the bytes takes
 * along all of the memory that they lie in, mostly a pool of Buffers.)
 */
export const movable = (body: Body): { body: Body; transfer: ArrayBuffer[] } => {
  const parts = isShort(body) ? [joinedCopy(body)] : body.parts.map((part) => (part instanceof Uint8Array ? new Uint8Array(part) : part))
  return { body: { size: body.size, parts }, transfer: parts.flatMap((part) => (part instanceof Uint8Array ? [part.buffer] : [])) }
}

/** A short body in one piece that is nobody else's. */
const joinedCopy = (body: Body): Uint8Array<ArrayBuffer> => {
  checkSize(body)
  const joined = new Uint8Array(Buffer.allocUnsafeSlow(body.size).buffer)
  let at = 0
  for (const part of body.parts as Uint8Array[]) { joined.set(part, at); at += part.length }
  return joined
}

/** The bytes of a body in pieces of at most 64 KiB. TempFail where a spool file cannot be read. */
export async function* bodyChunks(body: Body): AsyncGenerator<Uint8Array> {
  checkSize(body)
  for (const part of body.parts) {
    if (part instanceof Uint8Array) {
      for (let at = 0; at < part.length; at += pieceBytes) yield part.subarray(at, at + pieceBytes)
      continue
    }
    const file = await open(part.path, 'r').catch((error: unknown) => { throw new TempFail(`spool file: ${messageOf(error)}`) })
    try {
      for (let at = 0; at < part.length;) {
        const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, part.length - at))
        const { bytesRead } = await file.read(piece, 0, piece.length, part.offset + at)
        if (bytesRead === 0) throw new TempFail(`spool file ${part.path} is shorter than announced`)
        at += bytesRead
        yield piece.subarray(0, bytesRead)
      }
    } finally {
      await file.close()
    }
  }
}

const checkSize = (body: Body): void => {
  const size = body.parts.reduce((sum, part) => sum + part.length, 0)
  if (size !== body.size) throw new Bug(`a body of ${size} bytes says it has ${body.size}`)
}

/** A reader over chunks that come from anywhere. `release` is called once: at the end, at an error, on leaving early or on cancel. */
export const readerOf = (stat: ObjectStat, chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>, release: () => void = () => {}): ObjectReader => {
  let done = false
  const finish = (): void => {
    if (done) return
    done = true
    release()
  }
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      if (done) return { done: true, value: undefined }
      try {
        const result = await chunks.next()
        if (result.done) finish()
        return result
      } catch (error) {
        finish()
        throw error
      }
    },
    async return() {
      finish()
      await chunks.return?.()
      return { done: true, value: undefined }
    },
  }
  return {
    size: stat.size, modifiedMs: stat.modifiedMs, etag: stat.etag, metadata: stat.metadata,
    body: { [Symbol.asyncIterator]: () => iterator },
    cancel: () => { void iterator.return?.().catch(() => {}) },
  }
}

/** Everything a reader gives, in one piece of at most `most` bytes; LimitExceeded beyond. */
export const collect = async (chunks: AsyncIterable<Uint8Array>, most = limits.memoryBodyBytes): Promise<Uint8Array> => {
  const all: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > most) throw new LimitExceeded('memoryBodyBytes', `more than ${most} bytes where they must fit in memory`)
    all.push(chunk)
  }
  return all.length === 1 ? all[0]! : Buffer.concat(all)
}

/** The part of a stream that a range asks for; what lies behind it is not read. */
export async function* rangeOf(bytes: AsyncIterable<Uint8Array>, { start, end = Infinity }: ByteRange): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of bytes) {
    const piece = chunk.subarray(Math.max(0, start - at), Math.min(chunk.length, end - at))
    at += chunk.length
    if (piece.length > 0) yield piece
    if (at >= end) return
  }
}
