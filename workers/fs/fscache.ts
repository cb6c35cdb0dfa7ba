// `fscache:SIZE:PATH:…` — whole mail objects on a local disk: what was read once or has just been written is read from here.
//
// Rules:
// - Mail objects are immutable, so an entry is as good as the object. What lies below `idx/` (bundles, manifests) is not kept:
//   a user's index comes from its own local state, and of it only what is new matters. `stat` and `list` ask the store: who
//   asks them wants to know what is there.
// - Entries belong to the parent's string as it stands, so another bucket or key finds none of this one's.
// - A piece near the beginning of an object fetches the whole of it, once, for all who ask meanwhile: a client that downloads
//   in pieces costs one request. A piece of what is very long (limits.cacheWholeBytes), or that begins far behind, is asked for
//   itself; when a second piece of it is asked for, the whole is fetched.
// - What fits in no room, or comes while the disk fails, is read through.
// - A zlib_save layer lies beneath (fs/zlib.ts), so entries are plain bytes: a piece is one read, without decompressing
//   all before it.
// - Its own failures never reach who asks (storage/cache-directory.ts).

import { createHash } from 'node:crypto'
import type { Body, ByteRange, Metadata, ObjectReader, RequestContext } from '../../runtime/effects.ts'
import { Cancelled, ConfigError, ObjectNotFound } from '../../runtime/errors.ts'
import { parseSize } from '../../conf/setting.ts'
import { rangeOf, readerOf } from '../storage/body.ts'
import type { Cached } from '../storage/cache-directory.ts'
import { readAll } from '../storage/cache-disk.ts'
import type { Fill } from '../storage/cache-fill.ts'
import { acquireCache } from '../storage/cache-shared.ts'
import { nameWithin } from '../storage/cache-scan.ts'
import type { SharedCache } from '../storage/cache-shared.ts'
import { Staging } from '../storage/cache-staging.ts'
import { wrapper } from '../storage/driver.ts'
import type { FsWorld, OpenStore, Share } from '../storage/driver.ts'
import { checkKey, checkRange, clipRange, isWhole } from '../storage/keys.ts'
import { argument, Wrapping } from '../storage/wrapping.ts'
import type { WriteOptions } from '../storage/wrapping.ts'

const form = 'fscache:SIZE:PATH:…, for example fscache:1G:/var/cache/mails:s3:https://…'
const pieceBytes = 64 * 1024

/** `parent`: what its entries belong to, its string. */
interface CacheOptions { bytes: number; directory: string; parent: string }

const parse = (text: string): { options: CacheOptions; rest: string } => {
  const size = argument('fscache', form, text)
  const directory = argument('fscache', form, size.rest)
  if (!directory.value.startsWith('/')) throw new ConfigError(`fscache: '${directory.value}' is no absolute path; its form is ${form}`)
  // However bodies are compressed now: what comes out of them is the same.
  const parent = directory.rest.replace(/^zlib:[^:]*:[^:]*:/, 'zlib:')
  return { options: { bytes: sizeOf(size.value), directory: directory.value, parent }, rest: directory.rest }
}

const sizeOf = (text: string): number => {
  try {
    return parseSize(text)
  } catch {
    throw new ConfigError(`fscache: '${text}' is no size; its form is ${form}`)
  }
}

const isIndex = (key: string): boolean => key.startsWith('idx/') || key.includes('/idx/')

/** `identity` tells apart what different parents have under the same key. */
export class CachingStore extends Wrapping {
  readonly #acquire: () => SharedCache
  readonly #identity: string
  readonly #share: Share | undefined
  #acquired: SharedCache | undefined

  constructor(parent: OpenStore, acquire: () => SharedCache, identity: string, share?: Share) {
    super(parent)
    this.#share = share
    this.#acquire = acquire
    this.#identity = identity
  }

  /** The directory is looked at when it is needed first. */
  get #shared(): SharedCache { return this.#acquired ??= this.#acquire() }

  override async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    if (isIndex(key)) return this.parent.read(key, context, range)
    checkKey(key)
    if (range) checkRange(range)
    if (context.signal?.aborted) throw new Cancelled()
    const wanted = range && !isWhole(range) ? range : undefined
    const name = this.#nameOf(key)
    const fill = await this.#shared.fetches.join(name, wanted, context.signal)
    if (fill) return this.#readFill(fill, key, context, wanted)
    const cached = await this.#shared.cache.find(name, key)
    return cached ? this.#readCached(cached, key, context, wanted) : this.#fetch(name, key, context, wanted)
  }

  override async write(key: string, body: Body, context: RequestContext, options: WriteOptions = {}): Promise<{ etag: string }> {
    if (isIndex(key)) return this.parent.write(key, body, context, options)
    checkKey(key)
    const { cache } = this.#shared
    const name = this.#nameOf(key)
    const change = cache.begin(name)
    const staging = new Staging(cache, name, key, body, options.metadata ?? {})
    try {
      const written = await this.parent.write(key, body, context, options)
      await change.dropped
      await staging.keep(written.etag, () => change.alone)
      return written
    } finally {
      await staging.leave()
      await cache.end(change)
    }
  }

  override async copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> {
    await this.#changing([to], () => this.parent.copy(from, to, context, metadata))
  }

  override async delete(key: string, context: RequestContext): Promise<void> {
    await this.#changing([key], () => this.parent.delete(key, context))
  }

  override async deleteMany(keys: string[], context: RequestContext): Promise<string[]> {
    return this.#changing(keys, () => this.parent.deleteMany(keys, context))
  }

  override close(): void {
    this.#acquired?.release()
    this.#acquired = undefined
    super.close()
  }

  async #changing<T>(keys: string[], action: () => Promise<T>): Promise<T> {
    const { cache } = this.#shared
    keys.forEach(checkKey)
    const changes = keys.filter((key) => !isIndex(key)).map((key) => cache.begin(this.#nameOf(key)))
    try {
      return await action()
    } finally {
      await Promise.all(changes.map((change) => cache.end(change)))
    }
  }

  async #fetch(name: string, key: string, context: RequestContext, range: ByteRange | undefined): Promise<ObjectReader> {
    const got = await this.#shared.fetches.begin(name, key, range, context.signal, () => this.parent.read(key, withoutSignal(context)))
    if (!got) return this.parent.read(key, context, range)
    if ('fill' in got) return this.#readFill(got.fill, key, context, range)
    const { passed } = got
    if (!range) return passed
    if (range.start >= passed.size) { passed.cancel(); throw beyond(key, range.start, passed.size) }
    return readerOf(passed, rangeOf(passed.body, range), () => passed.cancel())
  }

  /** `fill` has been entered. */
  #readFill(fill: Fill, key: string, context: RequestContext, range: ByteRange | undefined): ObjectReader {
    const { start = 0, end = Infinity } = range ?? {}
    if (range && start >= fill.stat.size) {
      fill.leave()
      throw beyond(key, start, fill.stat.size)
    }
    let gone = false
    const bytes = fill.bytes(start, end, (from) => this.#rest(key, context, from, end), () => gone)
    return readerOf(fill.stat, bytes, () => { gone = true; fill.leave() })
  }

  #readCached(cached: Cached, key: string, context: RequestContext, range: ByteRange | undefined): ObjectReader {
    const { facts, bytes, close } = cached
    try {
      const { start, end } = clipRange(key, facts.size, range)
      let gone = false
      if (!bytes) return readerOf(facts, this.#fromFile(cached, key, context, start, end, () => gone), () => { gone = true; close() })
      close()
      return readerOf(facts, [bytes.subarray(start, end)].values())
    } catch (error) {
      close()
      throw error
    }
  }

  /** Where the file cannot be read, the parent is asked for the rest. */
  async *#fromFile({ file }: Cached, key: string, context: RequestContext, start: number, end: number, gone: () => boolean): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end;) {
      let piece: Uint8Array
      try {
        piece = await readAll(file, at, Math.min(pieceBytes, end - at))
      } catch (error) {
        if (gone()) return
        this.#shared.cache.trouble(error)
        yield* this.#rest(key, context, at, end)
        return
      }
      at += piece.length
      yield piece
    }
  }

  async *#rest(key: string, context: RequestContext, start: number, end: number): AsyncGenerator<Uint8Array> {
    yield* (await this.parent.read(key, context, end === Infinity ? { start } : { start, end })).body
  }

  #nameOf(key: string): string { return nameWithin(createHash('sha256').update(this.#identity).update(key).digest('hex').slice(0, 32), this.#share) }
}

/** Without the asker's wish to give up: others may be reading the same by then. */
const withoutSignal = ({ signal: _, ...context }: RequestContext): RequestContext => context

const beyond = (key: string, start: number, size: number): ObjectNotFound => new ObjectNotFound(`${key} (bytes from ${start}, it has ${size})`)

export default wrapper({
  name: 'fscache',
  form,
  parse,
  open: ({ bytes, directory, parent: text }: CacheOptions, parent, world: FsWorld) =>
    new CachingStore(parent, () => acquireCache(directory, bytes, world), `${text}\n`, world.share),
})
