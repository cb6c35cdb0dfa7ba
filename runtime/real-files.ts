// The production door to local files (Effects.files). Part of real-effects: with it the only place outside workers/ that
// may name a Node I/O module.
//
// Journals are appended in small pieces and wait for each: a write(2) into the page cache costs microseconds, a trip
// through libuv's thread pool ten times that, so small appends are written in place and large ones (spools) in the pool.
// Descriptors of files being appended to, and of those read in pieces, stay open.

import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import fsp from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import type { FileStat, Files } from './effects.ts'
import { TempFail, messageOf } from './errors.ts'
import { limits } from './limits.ts'
import { Descriptors } from './real-descriptors.ts'
import type { OpenFile } from './real-descriptors.ts'

/** Appends up to this many bytes are written on the calling thread. */
const inPlaceBytes = 16 * 1024

/** The kernel's name for this run of the machine. '' where there is none (not Linux, or nothing there may be read). */
export function bootId(file = '/proc/sys/kernel/random/boot_id'): string {
  try {
    return fs.readFileSync(file, 'latin1').trim()
  } catch {
    return ''
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

/** No such file, or what should be its directory is a file. */
const isAbsent = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'

/** The disk being full, read-only or out of descriptors is the machine's trouble, not the request's: TempFail. */
const temporary = (what: string, file: string, error: unknown): TempFail =>
  new TempFail(`cannot ${what} ${file}: ${messageOf(error)}`, { cause: error })

export class RealFiles implements Files {
  readonly #appended: Descriptors
  /** Message caches, from which a few of the records are read each time. */
  readonly #read: Descriptors

  constructor(maxOpen: number = limits.openFiles) {
    this.#appended = new Descriptors(maxOpen, openForAppend)
    this.#read = new Descriptors(Math.min(maxOpen, limits.openReadFiles), (file) => fs.openSync(file, 'r'))
  }

  async read(file: string, offset = 0, length?: number): Promise<Uint8Array | undefined> {
    try {
      return length === undefined ? await readToEnd(file, offset) : await this.#readPiece(file, offset, length)
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw temporary('read', file, error)
    }
  }

  async #readPiece(file: string, offset: number, length: number): Promise<Uint8Array> {
    const open = this.#read.useCurrent(file)
    try {
      const bytes = Buffer.allocUnsafeSlow(length)
      let done = 0
      while (done < length) {
        const count = await read(open.fd, bytes, done, offset + done)
        if (count === 0) break
        done += count
      }
      return new Uint8Array(bytes.buffer, 0, done)
    } finally {
      this.#read.release(open)
    }
  }

  async append(file: string, bytes: Uint8Array, durable = false): Promise<void> {
    let open: OpenFile | undefined
    try {
      open = this.#appended.use(file)
      if (bytes.length <= inPlaceBytes && open.tail === undefined) writeAll(open.fd, bytes)
      else await this.#queue(open, bytes)
      if (durable) await fdatasync(open.fd)
    } catch (error) {
      throw temporary('append to', file, error)
    } finally {
      if (open !== undefined) this.#appended.release(open)
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
      await fsp.rename(temporaryFile, file)
      this.#forget(file)
      if (durable) await syncDirectory(path.dirname(file))
    } catch (error) {
      await fsp.rm(temporaryFile, { force: true }).catch(() => {})
      throw temporary('write', file, error)
    }
  }

  async truncate(file: string, size: number, durable = false): Promise<void> {
    try {
      const handle = await fsp.open(file, 'r+')
      try {
        await handle.truncate(size)
        if (durable) await handle.sync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw temporary('truncate', file, error)
    }
  }

  async rename(from: string, to: string): Promise<void> {
    try { await fsp.rename(from, to) } catch (error) { throw temporary('rename', from, error) }
    this.#forget(from)
    this.#forget(to)
  }

  async remove(file: string): Promise<void> {
    try {
      await fsp.rm(file, { recursive: true, force: true })
    } catch (error) {
      throw temporary('remove', file, error)
    } finally {
      this.#forget(file) // a directory may be gone in part
    }
  }

  async list(directory: string): Promise<string[]> {
    try {
      return await fsp.readdir(directory)
    } catch (error) {
      if (isAbsent(error)) return []
      throw temporary('list', directory, error)
    }
  }

  async stat(file: string): Promise<FileStat | undefined> {
    try {
      const found = await fsp.stat(file)
      return { size: found.size, modifiedMs: found.mtimeMs, directory: found.isDirectory() }
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw temporary('stat', file, error)
    }
  }

  temporary(directory: string): string { return path.join(directory, `culver.${randomUUID()}`) }

  /** Closes every descriptor that was kept. */
  close(): void {
    this.#appended.close()
    this.#read.close()
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

  /** What lies at this path, and below it, is another file from now on. */
  #forget(file: string): void {
    this.#appended.forget(file)
    this.#read.forget(file)
  }
}

async function readToEnd(file: string, offset: number): Promise<Uint8Array> {
  const handle = await fsp.open(file, 'r')
  try {
    const length = Math.max(0, (await handle.stat()).size - offset)
    const bytes = Buffer.allocUnsafeSlow(length)
    let done = 0
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return new Uint8Array(bytes.buffer, 0, done)
  } finally {
    await handle.close()
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

const read = (fd: number, bytes: Uint8Array, at: number, offset: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.read(fd, bytes, at, bytes.length - at, offset, (error, count) => (error ? reject(error) : resolve(count)))
  })

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
