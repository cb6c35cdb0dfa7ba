// One directory of cached objects, shared by every store of this thread that names it.
//
// Rules:
// - An entry appears by rename, whole. One this process did not write is held against its checksum before its first use.
// - The budget holds for entries and files in the making together, at any time, across crashes: before more is used than
//   ever, `.used` says so, and until the first scan is done that much counts as used. Two processes in one directory
//   each keep the budget for what they know; a scan every few minutes shows them each other's entries.
// - No failure of the disk reaches a client: the cache is not written to for a while, says so once a minute, and reading
//   goes on from the parent.
// - What changes an object (write, copy onto it, delete) drops its entry; while that is under way it is neither read
//   from here nor kept here.
//
// LRU, by the order of use in memory and by modification times across restarts.

import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { messageOf } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { inDirectory, realDisk, removeFile } from './cache-disk.ts'
import type { CacheDisk, CacheFile } from './cache-disk.ts'
import { isWhole, lookAt } from './cache-entry.ts'
import type { Found } from './cache-entry.ts'
import { blockBytes, blocksOf, CacheIndex } from './cache-index.ts'
import type { Entry } from './cache-index.ts'
import { CacheMark } from './cache-mark.ts'
import { pathOf, scan, shardOf, temporaryDirectory } from './cache-scan.ts'
import type { FsWorld } from './driver.ts'
import { errnoOf } from './fs-errors.ts'
import { Turns } from './turns.ts'

export interface CacheStatistics {
  directory: string
  /** Bytes that may be, and are used at most. */
  budget: number
  used: number
  entries: number
  /** Reads served, and not served, from here; objects written here; files that were no whole entry; failures of the disk. */
  hits: number
  misses: number
  writes: number
  damaged: number
  failures: number
}

/** A cached object, open. `close` must be called. */
export interface Cached extends Found { file: CacheFile; close(): void }

/** Something that changes an object is under way. `alone`: nothing else changed it meanwhile. */
export interface Change { readonly name: string; alone: boolean; readonly dropped: Promise<void> }

type World = Pick<FsWorld, 'clock' | 'timers' | 'emit' | 'share'>

export class CacheDirectory {
  readonly path: string
  readonly index: CacheIndex
  readonly disk: CacheDisk
  readonly #world: World
  readonly #mark: CacheMark
  readonly #counts = { hits: 0, misses: 0, writes: 0, damaged: 0, failures: 0 }
  readonly #changes = new Map<string, Set<Change>>()
  /** The last change of an entry's file; the next one waits for it. */
  readonly #turns = new Turns()
  readonly #making = new Set<string>()
  /** Entries of changed objects that could not be removed. */
  readonly #stuck = new Set<string>()
  /** Told when an object changes: what is being fetched of it is not to be kept. */
  readonly onChange = new Set<(name: string) => void>()
  readonly #ready: Promise<void>
  #scanning: Promise<void> | undefined
  #nextScan: () => void = () => {}
  #restUntil = -Infinity
  #warnedAt = -Infinity
  #stopped = false

  constructor(directory: string, budgetBytes: number, world: World, disk: CacheDisk = realDisk) {
    this.path = directory
    this.disk = disk
    this.#world = world
    this.#mark = new CacheMark(disk, directory, world.share)
    this.index = new CacheIndex(Math.floor(budgetBytes / blockBytes), limits.cacheEntries)
    this.#ready = this.#open()
  }

  get statistics(): CacheStatistics {
    const { budget, used, size } = this.index
    return { directory: this.path, budget: budget * blockBytes, used: used * blockBytes, entries: size, ...this.#counts }
  }

  /** Changes the budget, at once. */
  resize(budgetBytes: number): void {
    this.index.budget = Math.floor(budgetBytes / blockBytes)
    void this.#unlink(this.index.trim()).catch((error: unknown) => { this.trouble(error) })
  }

  /** Stops looking at the directory. Reading and writing may go on. */
  stop(): void { this.#stopped = true; this.#nextScan() }

  /** Counts the directory anew; who asks while that is being done waits for the same. Never rejects. */
  rescan(): Promise<void> {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = undefined
      this.#nextScan()
      if (!this.#stopped) this.#nextScan = this.#world.timers.after(limits.cacheScanMs, () => { void this.rescan() })
    })
    return this.#scanning
  }

  /** Settles when no change of a file is under way and the first scan is done, for tests. */
  async idle(): Promise<void> {
    await this.#ready
    await this.#scanning
    await this.#turns.idle()
  }

  /** Opens the entry of an object; undefined where there is none that is whole. Never rejects. */
  async find(name: string, key: string): Promise<Cached | undefined> {
    const cached = this.#changes.has(name) || this.#stuck.has(name) ? undefined : await this.#find(name, key).catch((error: unknown) => { this.trouble(error); return undefined })
    this.#counts[cached ? 'hits' : 'misses']++
    return cached
  }

  async #find(name: string, key: string): Promise<Cached | undefined> {
    const known = this.index.get(name)
    let file: CacheFile
    try {
      file = await this.disk.open(pathOf(this.path, name), 'r')
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      if (known && this.index.get(name) === known) this.index.remove(name)
      return undefined
    }
    let entry: Entry | undefined
    const close = (): void => {
      if (entry) this.index.unpin(entry)
      void file.close().catch(() => {})
    }
    try {
      const { size, mtimeMs } = await file.stat()
      entry = this.index.get(name) ?? this.index.adopt(name, blocksOf(size), mtimeMs)
      this.index.pin(entry)
      const found = await lookAt(file, size)
      if (!found || found.facts.key !== key || !(entry.trusted || await isWhole(file, found))) {
        this.#counts.damaged++
        close()
        await this.#drop(name)
        return undefined
      }
      entry.trusted = true
      this.#touch(entry)
      return { ...found, file, close }
    } catch (error) {
      close()
      throw error
    }
  }

  /** Makes room for a file of so many bytes and counts it; false: there is none now. To be given back, or to become an entry. */
  async reserve(blocks: number): Promise<boolean> {
    await this.#ready
    if (this.resting) return false
    const victims = this.index.take(blocks)
    if (!victims) return false
    try {
      await this.#unlink(victims)
      await this.#mark.raise(this.index.used, this.index.budget)
      return true
    } catch (error) {
      this.index.give(blocks)
      this.trouble(error)
      return false
    }
  }

  /** A new file in the making. Rejects with the disk's error. */
  async make(): Promise<{ file: CacheFile; path: string }> {
    const temporary = path.join(temporaryDirectory(this.path), `${process.pid}-${randomBytes(12).toString('hex')}`)
    this.#making.add(temporary)
    try {
      return { file: await inDirectory(this.disk, path.dirname(temporary), () => this.disk.open(temporary, 'wx+')), path: temporary }
    } catch (error) {
      this.#making.delete(temporary)
      throw error
    }
  }

  /** Gives a file in the making up. */
  async unmake(temporary: string): Promise<void> {
    this.#making.delete(temporary)
    await removeFile(this.disk, temporary).catch((error: unknown) => { this.trouble(error) })
  }

  /** Makes an entry of a whole file whose blocks are counted, if `may` still says so when its turn has come. Answers the entry. Never rejects. */
  publish(name: string, temporary: string, blocks: number, readers: number, may: () => boolean): Promise<Entry | undefined> {
    return this.#turns.take(name, async () => {
      try {
        if (!may()) return undefined
        await inDirectory(this.disk, shardOf(this.path, name), () => this.disk.rename(temporary, pathOf(this.path, name)))
        this.#making.delete(temporary)
        this.#stuck.delete(name)
        this.#counts.writes++
        return this.index.add(name, blocks, this.#world.clock.now(), readers)
      } catch (error) {
        this.trouble(error)
        return undefined
      }
    })
  }

  /** An object begins to change: its entry goes. */
  begin(name: string): Change {
    const others = this.#changes.get(name) ?? new Set()
    const change: Change = { name, alone: others.size === 0, dropped: this.#drop(name) }
    for (const other of others) other.alone = false
    this.#changes.set(name, others.add(change))
    for (const told of this.onChange) told(name)
    return change
  }

  /** It has changed, or failed to. Resolves when its former entry is gone. */
  async end(change: Change): Promise<void> {
    const { name } = change
    await change.dropped
    if (!change.alone) await this.#drop(name)
    const changes = this.#changes.get(name)
    changes?.delete(change)
    if (changes?.size === 0) this.#changes.delete(name)
  }

  /** Whether something changes this object now. */
  isChanging(name: string): boolean { return this.#changes.has(name) }

  /** The disk fails: nothing is written for a while. */
  trouble(error: unknown): void {
    const { clock } = this.#world
    const now = clock.monotonic()
    this.#counts.failures++
    this.#restUntil = now + limits.cacheRestMs
    if (errnoOf(error) === 'ENOSPC') this.#makeRoom()
    if (now - this.#warnedAt < limits.cacheWarnMs) return
    this.#warnedAt = now
    this.#world.emit({
      level: 'warning', name: 'fscache.failed', values: { failures: this.#counts.failures },
      text: `fscache ${this.path}: ${messageOf(error)}; the cache is left alone for ${limits.cacheRestMs / 1000} s, mails come from the store`,
    })
  }

  /** The wall clock. */
  get now(): number { return this.#world.clock.now() }

  /** Whether the disk failed a moment ago. */
  get resting(): boolean { return this.#world.clock.monotonic() < this.#restUntil }

  /** Somebody else fills the file system: a sixteenth of the cache goes. */
  #makeRoom(): void {
    const { used } = this.index
    void this.#unlink(this.index.trim(used - Math.ceil(used / 16))).catch(() => {})
  }

  async #open(): Promise<void> {
    try {
      const used = await this.#mark.open(this.index.budget)
      if (used === undefined) await this.disk.mkdir(temporaryDirectory(this.path))
      this.index.unseen(used ?? 0)
    } catch (error) {
      this.trouble(error)
      this.index.unseen(this.index.budget)
    }
    void this.rescan()
  }

  async #scan(): Promise<void> {
    const { disk, path: directory, index } = this
    try {
      await this.#ready
      await scan({ ...this.#world, share: this.#world.share ?? { index: 0, count: 1 }, disk, directory, index, making: (file) => this.#making.has(file), stopped: () => this.#stopped })
      await this.#unlink(index.trim())
      if (!this.#stopped) await this.#mark.lower(index.used, index.budget)
    } catch (error) {
      this.trouble(error)
    }
  }

  #touch(entry: Entry): void {
    const now = this.#world.clock.now()
    const before = entry.usedMs
    this.index.touch(entry, now)
    if (now - before > limits.cacheTouchMs) void this.disk.touch(pathOf(this.path, entry.name), now).catch(() => {})
  }

  #drop(name: string): Promise<void> {
    return this.#turns.take(name, async () => {
      this.index.remove(name)
      try {
        await removeFile(this.disk, pathOf(this.path, name))
        this.#stuck.delete(name)
      } catch (error) {
        if (this.#stuck.size < limits.cachePieces) this.#stuck.add(name)
        this.trouble(error)
      }
    })
  }

  async #unlink(entries: readonly Entry[]): Promise<void> {
    for (const { name } of entries) await removeFile(this.disk, pathOf(this.path, name))
  }
}
