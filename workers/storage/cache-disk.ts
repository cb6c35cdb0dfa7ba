// What the fscache needs of a file system, so that a test can give it one that fails.

import { mkdir, open, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { errnoOf } from './fs-errors.ts'

export interface CacheFile {
  /** As FileHandle's: may take or give fewer bytes than asked for. */
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  stat(): Promise<{ size: number; mtimeMs: number }>
  close(): Promise<void>
}

export interface CacheDisk {
  open(path: string, flags: 'r' | 'wx+'): Promise<CacheFile>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  readdir(path: string): Promise<string[]>
  stat(path: string): Promise<{ size: number; mtimeMs: number }>
  /** Sets the time of last modification. */
  touch(path: string, atMs: number): Promise<void>
  readText(path: string): Promise<string>
  writeText(path: string, text: string): Promise<void>
}

/** The machine's. */
export const realDisk: CacheDisk = {
  open: (path, flags) => open(path, flags, 0o600),
  rename, unlink, readdir, stat,
  mkdir: async (path) => { await mkdir(path, { recursive: true, mode: 0o700 }) },
  touch: (path, atMs) => utimes(path, atMs / 1000, atMs / 1000),
  readText: (path) => readFile(path, 'utf8'),
  writeText: (path, text) => writeFile(path, text, { mode: 0o600 }),
}

/** Does something in a directory, which is made when it turns out to be missing. */
export const inDirectory = async <T>(disk: CacheDisk, directory: string, action: () => Promise<T>): Promise<T> => {
  try {
    return await action()
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    await disk.mkdir(directory)
    return action()
  }
}

/** Removes a file, if it is there. */
export const removeFile = async (disk: CacheDisk, path: string): Promise<void> => {
  try {
    await disk.unlink(path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
}

/** Writes all of `bytes`. */
export const writeAll = async (file: CacheFile, bytes: Uint8Array, position: number): Promise<void> => {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
}

/** The bytes at [position, position+length). Throws where the file ends before. */
export const readAll = async (file: CacheFile, position: number, length: number): Promise<Uint8Array> => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(bytes, at, length - at, position + at)
    if (bytesRead === 0) throw new Error(`the file ended at ${position + at} of ${position + length} bytes`)
    at += bytesRead
  }
  return bytes
}
