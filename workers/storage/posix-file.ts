// The posix driver's files: made under `.tmp/`, with a modification time of their own, then put in place at one stroke.

import { open, stat, utimes } from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { Buffer } from 'node:buffer'
import type { Body } from '../../runtime/effects.ts'
import { errnoOf } from './fs-errors.ts'
import { bodyChunks } from './body.ts'

/** What is known of a file: `identity` finds its metadata and survives a copy that keeps times, `etag` is new with every write. */
export interface PosixFile { size: number; modifiedMs: number; etag: string; identity: string }

/** A file's facts out of its stat. */
export const factsOf = (stats: BigIntStats): PosixFile => {
  const micros = stats.mtimeNs / 1000n
  const identity = `${micros.toString(36)}-${stats.size.toString(36)}`
  return { size: Number(stats.size), modifiedMs: Number(stats.mtimeMs), etag: `${identity}-${stats.ino.toString(36)}`, identity }
}

/** The facts of the file at `path`; undefined where there is none. */
export const facts = async (path: string): Promise<PosixFile | undefined> => {
  try {
    const stats = await stat(path, { bigint: true })
    return stats.isFile() ? factsOf(stats) : undefined
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}

let lastMicros = 0

/** Gives a file a time no other file of this process has: the kernel's clock ticks too slowly to tell two writes apart. */
export const stamp = async (path: string, nowMs: number): Promise<PosixFile> => {
  lastMicros = Math.max(lastMicros + 1, Math.round(nowMs * 1000))
  const seconds = (lastMicros + 0.5) / 1e6
  await utimes(path, seconds, seconds)
  return factsOf(await stat(path, { bigint: true }))
}

/** Writes a new file whole; `durable` waits until it is on the disk. */
export const writeBody = async (path: string, body: Body, durable: boolean): Promise<void> => {
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of bodyChunks(body)) await file.writeFile(chunk)
    if (durable) await file.datasync()
  } finally {
    await file.close()
  }
}

/** Waits until what was done in a directory is on the disk. */
export const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r')
  try { await directory.sync() } finally { await directory.close() }
}

const pieceBytes = 64 * 1024

/** The bytes [start, end) of an open file. */
export async function* fileChunks(file: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end;) {
    // Not from Buffer's pool: the chunk's memory may be moved to another thread.
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, end - at))
    const { bytesRead } = await file.read(piece, 0, piece.length, at)
    if (bytesRead === 0) throw new Error(`the file ended at ${at} of ${end} bytes`)
    at += bytesRead
    yield piece.subarray(0, bytesRead)
  }
}
