// The production door to local files (Effects.files). Part of real-effects: with it the only place outside workers/ that
// may name a Node I/O module.
//
// Journals are appended in small pieces and wait for each: a write(2) into the page cache costs microseconds, a trip
// through libuv's thread pool ten times that, so small appends are written in place and large ones (spools) in the pool.
// Descriptors of files being appended to stay open, least recently used ones are closed.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import fsp from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import type { FileStat, Files } from './effects.ts'
import { TempFail, messageOf } from './errors.ts'
import { limits } from './limits.ts'

/** Appends up to this many bytes are written on the calling thread. */
const inPlaceBytes = 16 * 1024

interface OpenFile { fd: number; tail: Promise<void> | undefined }

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

/** The disk being full, read-only or out of descriptors is the machine's trouble, not the request's: TempFail. */
const temporary = (what: string, file: string, error: unknown): TempFail =>
  new TempFail(`cannot ${what} ${file}: ${messageOf(error)}`, { cause: error })

export class RealFiles implements Files {
  readonly #open = new Map<string, OpenFile>()
  readonly #maxOpen: number

  constructor(maxOpen: number = limits.openFiles) { this.#maxOpen = maxOpen }

  async read(file: string, offset = 0, length?: number): Promise<Uint8Array | undefined> {
    let handle: fsp.FileHandle | undefined
    try {
      handle = await fsp.open(file, 'r')
      const wanted = length ?? Math.max(0, (await handle.stat()).size - offset)
      const bytes = Buffer.allocUnsafeSlow(wanted)
      let done = 0
      while (done < wanted) {
        const { bytesRead } = await handle.read(bytes, done, wanted - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return new Uint8Array(bytes.buffer, 0, done)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw temporary('read', file, error)
    } finally {
      await handle?.close()
    }
  }

  async append(file: string, bytes: Uint8Array, durable = false): Promise<void> {
    try {
      const open = this.#opened(file)
      if (bytes.length <= inPlaceBytes && open.tail === undefined) writeAll(open.fd, bytes)
      else await this.#queue(open, bytes)
      if (durable) await fdatasync(open.fd)
    } catch (error) {
      throw temporary('append to', file, error)
    }
  }

  async replace(file: string, bytes: Uint8Array, durable = false): Promise<void> {
    const temporaryFile = `${file}.${randomUUID()}.tmp`
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
      const handle = await fsp.open(temporaryFile, 'wx', 0o600)
      try {
        await handle.writeFile(bytes)
        if (durable) await handle.sync()
      } finally {
        await handle.close()
      }
      this.#forget(file)
      await fsp.rename(temporaryFile, file)
      if (durable) await syncDirectory(path.dirname(file))
    } catch (error) {
      await fsp.rm(temporaryFile, { force: true })
      throw temporary('write', file, error)
    }
  }

  async truncate(file: string, size: number): Promise<void> {
    try { await fsp.truncate(file, size) } catch (error) { throw temporary('truncate', file, error) }
  }

  async rename(from: string, to: string): Promise<void> {
    this.#forget(from)
    this.#forget(to)
    try { await fsp.rename(from, to) } catch (error) { throw temporary('rename', from, error) }
  }

  async remove(file: string): Promise<void> {
    this.#forget(file)
    try { await fsp.rm(file, { recursive: true, force: true }) } catch (error) { throw temporary('remove', file, error) }
  }

  async list(directory: string): Promise<string[]> {
    try {
      return await fsp.readdir(directory)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw temporary('list', directory, error)
    }
  }

  async stat(file: string): Promise<FileStat | undefined> {
    try {
      const found = await fsp.stat(file)
      return { size: found.size, modifiedMs: found.mtimeMs, directory: found.isDirectory() }
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
      throw temporary('stat', file, error)
    }
  }

  temporary(directory: string): string { return path.join(directory, `culver.${randomUUID()}`) }

  /** Closes every descriptor kept for appending. */
  close(): void {
    for (const file of [...this.#open.keys()]) this.#forget(file)
  }

  #opened(file: string): OpenFile {
    const known = this.#open.get(file)
    if (known !== undefined) {
      this.#open.delete(file)
      this.#open.set(file, known)
      return known
    }
    const open: OpenFile = { fd: openForAppend(file), tail: undefined }
    this.#open.set(file, open)
    if (this.#open.size > this.#maxOpen) this.#closeOldest()
    return open
  }

  #closeOldest(): void {
    for (const [file, open] of this.#open) {
      if (open.tail !== undefined) continue
      this.#forget(file)
      return
    }
  }

  async #queue(open: OpenFile, bytes: Uint8Array): Promise<void> {
    const mine = (open.tail ?? Promise.resolve()).then(() => writeAllPooled(open.fd, bytes))
    const tail = mine.catch(() => {})
    open.tail = tail
    try {
      await mine
    } finally {
      if (open.tail === tail) open.tail = undefined
    }
  }

  /** Drops kept descriptors of a path and of everything below it: what lies there next is another file. */
  #forget(file: string): void {
    const below = `${file}${path.sep}`
    for (const [name, open] of this.#open) {
      if (name !== file && !name.startsWith(below)) continue
      this.#open.delete(name)
      if (open.tail === undefined) fs.closeSync(open.fd)
      else void open.tail.then(() => fs.closeSync(open.fd))
    }
  }
}

function openForAppend(file: string): number {
  try {
    return fs.openSync(file, 'a', 0o600)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    return fs.openSync(file, 'a', 0o600)
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let done = 0
  while (done < bytes.length) done += fs.writeSync(fd, bytes, done, bytes.length - done)
}

const write = (fd: number, bytes: Uint8Array, offset: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.write(fd, bytes, offset, bytes.length - offset, null, (error, written) => (error ? reject(error) : resolve(written)))
  })

async function writeAllPooled(fd: number, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.length) done += await write(fd, bytes, done)
}

const fdatasync = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => { fs.fdatasync(fd, (error) => (error ? reject(error) : resolve())) })

async function syncDirectory(directory: string): Promise<void> {
  const handle = await fsp.open(directory, 'r')
  try { await handle.sync() } finally { await handle.close() }
}
