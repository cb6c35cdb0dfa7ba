// `posix:prefix=DIR/` — objects as plain files under a directory, readable by people and by `cp`.
//
// Rules: an object appears whole or not at all (a file of its own, then a rename; link(2) where it must not exist yet).
// Conditions hold among all writers that share the directory, by a lock in `.tmp/` (storage/posix-lock.ts); `ifAbsent` by link(2) too. Where the object
// is made is not enough: its metadata are a file of their own, and the loser's must never come to the winner's object. A key and a longer key that
// begins with it and '/' cannot both be objects. A prefix directory that vanishes while we run (an unmounted disk) is
// TempFail, never "no such object".
// Options, separated by ':' as in Dovecot's fs-posix: prefix=DIR/ (a required directory), no-fsync.

import { createHash } from 'node:crypto'
import { accessSync, constants as fsConstants, mkdirSync } from 'node:fs'
import { copyFile, link, lstat, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import type { Body, ByteRange, ListOptions, ListPage, Metadata, ObjectReader, ObjectStat, RequestContext, WriteCondition } from '../../runtime/effects.ts'
import { ConditionFailed, ConfigError, messageOf, ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { collect, readerOf } from '../storage/body.ts'
import { countRequest, driver } from '../storage/driver.ts'
import type { FsWorld, OpenStore } from '../storage/driver.ts'
import { errnoOf, fsFailure } from '../storage/fs-errors.ts'
import { checkKey, clipRange, pageOf } from '../storage/keys.ts'
import { facts, factsOf, fileChunks, stamp, syncDirectory, writeBody } from '../storage/posix-file.ts'
import { whileLocked } from '../storage/posix-lock.ts'
import { forget, inDirectory, pathOf, readMetadata, walk, writeMetadata } from '../storage/posix-paths.ts'
import { Turns } from '../storage/turns.ts'

interface PosixOptions { prefix: string; durable: boolean }

/** Files in `.tmp/` older than this were left by a crash (ms). */
const abandonedMs = 24 * 3600_000

const parse = (text: string): PosixOptions => {
  let prefix: string | undefined
  let durable = true
  for (const option of text.split(':')) {
    if (option.startsWith('prefix=')) prefix = option.slice('prefix='.length)
    else if (option === 'no-fsync') durable = false
    else if (option !== '') throw new ConfigError(`posix: unknown option '${option}' (known: prefix=DIR/, no-fsync)`)
  }
  if (!prefix) throw new ConfigError('posix: prefix=DIR/ is missing')
  if (!path.isAbsolute(prefix)) throw new ConfigError(`posix: prefix=${prefix} must be an absolute path`)
  return { prefix: path.resolve(prefix), durable }
}

class PosixStore implements OpenStore {
  readonly conditionalWrites = true
  readonly #prefix: string
  readonly #durable: boolean
  readonly #world: FsWorld
  /** The last writer of a key; the next one waits for it. */
  readonly #writers = new Turns()
  #ready: Promise<void> | undefined

  constructor(options: PosixOptions, world: FsWorld) { this.#prefix = options.prefix; this.#durable = options.durable; this.#world = world }

  async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    return this.#do('read', key, context, async (file) => {
      const handle = await open(file, 'r')
      try {
        const stats = await handle.stat({ bigint: true })
        if (!stats.isFile()) throw new ObjectNotFound(key)
        const known = factsOf(stats)
        const { start, end } = clipRange(key, known.size, range)
        const stat = { ...known, metadata: await readMetadata(file, known.identity) }
        const chunks = readFailures(fileChunks(handle, start, end), key)
        if (end - start > limits.memoryBodyBytes) return readerOf(stat, chunks, () => { void handle.close() })
        // A short one is read at once, so that no file stays open for it.
        const bytes = await collect(chunks)
        await handle.close()
        return readerOf(stat, [bytes].values())
      } catch (error) {
        await handle.close()
        throw error
      }
    })
  }

  async write(key: string, body: Body, context: RequestContext, options: { metadata?: Metadata; condition?: WriteCondition } = {}): Promise<{ etag: string }> {
    return this.#do('write', key, context, (file) =>
      this.#publish(key, file, (temporary) => writeBody(temporary, body, this.#durable), () => options.metadata ?? {}, options.condition))
  }

  async copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> {
    checkKey(to)
    await this.#do('copy', from, context, async (source) => {
      const known = await facts(source)
      if (!known) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      await this.#publish(to, pathOf(this.#prefix, to),
        (temporary) => copyFile(source, temporary, fsConstants.COPYFILE_FICLONE),
        () => metadata ?? readMetadata(source, known.identity))
    })
  }

  async delete(key: string, context: RequestContext): Promise<void> {
    await this.#do('delete', key, context, (file) => this.#remove(file))
  }

  async deleteMany(keys: string[], context: RequestContext): Promise<string[]> {
    const failed: string[] = []
    if (keys.length === 0) return failed
    countRequest(context)
    const uncounted = { ...context, cost: undefined }
    for (const key of keys) {
      try {
        await this.#do('delete', key, uncounted, (file) => this.#remove(file))
      } catch (error) {
        if (!(error instanceof TempFail)) throw error
        failed.push(key)
      }
    }
    return failed
  }

  async list(prefix: string, context: RequestContext, options: ListOptions = {}): Promise<ListPage> {
    countRequest(context)
    try {
      await this.#open()
      const page = await pageOf(walk(this.#prefix, prefix, options), prefix, options, async (key) => {
        const known = await facts(pathOf(this.#prefix, key))
        return known && { key, size: known.size, modifiedMs: known.modifiedMs, etag: known.etag }
      })
      if (page.objects.length + page.prefixes.length === 0) await this.#checkMounted()
      return page
    } catch (error) {
      throw fsFailure(error, `list ${prefix}`)
    }
  }

  async stat(key: string, context: RequestContext): Promise<ObjectStat> {
    return this.#do('stat', key, context, async (file) => {
      const known = await facts(file)
      if (!known) throw new ObjectNotFound(key)
      const { size, modifiedMs, etag, identity } = known
      return { size, modifiedMs, etag, metadata: await readMetadata(file, identity) }
    })
  }

  close(): void {}

  /** Runs one operation on the file of `key`, and gives its failure the right kind. */
  async #do<T>(what: string, key: string, context: RequestContext, action: (file: string) => Promise<T>): Promise<T> {
    checkKey(key)
    countRequest(context)
    try {
      await this.#open()
      return await action(pathOf(this.#prefix, key))
    } catch (error) {
      const code = errnoOf(error)
      if (error instanceof ObjectNotFound || code === 'ENOENT' || (code === 'ENOTDIR' && what !== 'write')) {
        await this.#checkMounted()
        throw error instanceof ObjectNotFound ? error : new ObjectNotFound(key)
      }
      throw fsFailure(error, `${what} ${key}`)
    }
  }

  /** Makes a file, and puts it at its place with its metadata, one writer of a key after the other. */
  async #publish(
    key: string, file: string, make: (temporary: string) => Promise<void>,
    metadata: () => Metadata | Promise<Metadata>, condition?: WriteCondition,
  ): Promise<{ etag: string }> {
    const temporary = this.#temporary()
    try {
      await make(temporary)
      return await this.#writers.take(file, () => this.#locked(file, condition !== undefined, async () => {
        const present = await facts(file)
        if (condition && ('ifAbsent' in condition ? present : present?.etag !== condition.ifMatch)) throw new ConditionFailed(key)
        let known = await stamp(temporary, this.#world.clock.now())
        // Another process has written as much at the same time: each is to find its own metadata.
        if (known.identity === present?.identity) known = await stamp(temporary, this.#world.clock.now())
        await writeMetadata(file, known.identity, await metadata(), present?.identity, this.#temporary())
        if (condition && 'ifAbsent' in condition) await this.#linkNew(key, temporary, file)
        else await inDirectory(file, () => rename(temporary, file))
        if (this.#durable) await syncDirectory(path.dirname(file))
        return { etag: known.etag }
      }))
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Holds the lock of `file` against conditional writers in other processes. One that a crash has left is broken. */
  async #locked<T>(file: string, lock: boolean, action: () => Promise<T>): Promise<T> {
    if (!lock) return action()
    const lockFile = path.join(this.#prefix, '.tmp', `lock-${createHash('sha256').update(file).digest('hex')}`)
    return whileLocked(this.#world, lockFile, action)
  }

  async #linkNew(key: string, temporary: string, file: string): Promise<void> {
    try {
      await inDirectory(file, () => link(temporary, file))
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? new ConditionFailed(key) : error
    }
  }

  async #remove(file: string): Promise<void> {
    await this.#writers.take(file, async () => {
      try {
        await unlink(file)
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error
        await this.#checkMounted()
        return
      }
      await forget(this.#prefix, file)
    })
  }

  #temporary(): string {
    return path.join(this.#prefix, '.tmp', this.#world.random.bytes(12).reduce((name, byte) => name + byte.toString(16).padStart(2, '0'), `${process.pid}-`))
  }

  /** Makes the directories at first use, and sweeps what a crash has left; tried again after a failure. */
  #open(): Promise<void> {
    this.#ready ??= (async () => {
      const directory = path.join(this.#prefix, '.tmp')
      await mkdir(directory, { recursive: true, mode: 0o700 })
      for (const name of await readdir(directory)) {
        const file = path.join(directory, name)
        const stats = await lstat(file).catch(() => undefined)
        if (stats && this.#world.clock.now() - stats.mtimeMs > abandonedMs) await rm(file, { force: true })
      }
    })()
    this.#ready.catch(() => { this.#ready = undefined })
    return this.#ready
  }

  async #checkMounted(): Promise<void> {
    try {
      await stat(path.join(this.#prefix, '.tmp'))
    } catch (error) {
      throw new TempFail(`the storage directory ${this.#prefix} is away: ${messageOf(error)}`)
    }
  }
}

async function* readFailures(chunks: AsyncIterable<Uint8Array>, key: string): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch (error) {
    throw new TempFail(`read ${key}: ${messageOf(error)}`)
  }
}

export default driver({
  name: 'posix',
  form: 'posix:prefix=DIR/[:no-fsync]',
  open: (text: string, world: FsWorld): OpenStore => new PosixStore(parse(text), world),
  check(text: string): void {
    const { prefix } = parse(text)
    try {
      mkdirSync(prefix, { recursive: true, mode: 0o700 })
      accessSync(prefix, fsConstants.R_OK | fsConstants.W_OK | fsConstants.X_OK)
    } catch (error) {
      throw new ConfigError(`the storage directory ${prefix} cannot be used: ${messageOf(error)}`)
    }
  },
})
