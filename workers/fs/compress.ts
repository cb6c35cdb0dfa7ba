// `compress:METHOD:LEVEL:…` — objects are compressed on their way to the parent. Reading goes by the magic of what is
// there, so the method can be changed; content that is not compressed is read with `maybe-METHOD` only.
//
// Rules: readers see plain sizes and plain ranges. The plain size is kept as metadata `size`, or where the writer means
// something else by that (a mail compressed by zlib_save) as `content-size`; an object with neither is read through to
// answer `stat`. `list` gives the sizes that are stored.

import { Buffer } from 'node:buffer'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Body, ByteRange, Metadata, ObjectReader, ObjectStat, RequestContext } from '../../runtime/effects.ts'
import { ConfigError, messageOf, ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { bodyChunks, bodyOf, isShort, joinShort, readerOf } from '../storage/body.ts'
import { codecs, detect, magicBytes, unsupported } from '../storage/codecs.ts'
import type { Codec } from '../storage/codecs.ts'
import { wrapper } from '../storage/driver.ts'
import type { FsWorld, OpenStore } from '../storage/driver.ts'
import { fsFailure } from '../storage/fs-errors.ts'
import { checkRange, isWhole } from '../storage/keys.ts'
import { Wrapping } from '../storage/wrapping.ts'
import type { WriteOptions } from '../storage/wrapping.ts'

interface CompressOptions { codec: Codec; level: number; maybe: boolean }

// The messages are those of Dovecot's fs-compress.
const parse = (text: string): { options: CompressOptions; rest: string } => {
  const first = text.indexOf(':')
  if (first < 0) throw new ConfigError('compress: Compression method not given as parameter')
  const second = text.indexOf(':', first + 1)
  if (second < 0 || second === text.length - 1) throw new ConfigError('compress: Parent filesystem not given as parameter')
  const maybe = text.startsWith('maybe-')
  const method = text.slice(maybe ? 'maybe-'.length : 0, first)
  const codec = codecs.get(method)
  if (!codec) throw new ConfigError(`compress: Compression method '${method}' ${unsupported.has(method) ? 'not supported' : 'unknown'}`)
  return { options: { codec, level: levelOf(codec, text.slice(first + 1, second)), maybe }, rest: text.slice(second + 1) }
}

const levelOf = ({ levels }: Codec, text: string): number => {
  if (text === '') return levels.usual
  if (!/^\d{1,3}$/.test(text)) throw new ConfigError(`compress: Invalid compression level parameter '${text}'`)
  const level = Number(text)
  if (level < levels.min || level > levels.max) {
    throw new ConfigError(`compress: Invalid compression level parameter '${text}': Level must be between ${levels.min}..${levels.max}`)
  }
  return level
}

/** The plain size as noted when it was written. */
const notedSize = ({ metadata }: ObjectStat): number | undefined => {
  const size = metadata['content-size'] ?? metadata.size
  return size !== undefined && /^\d{1,15}$/.test(size) ? Number(size) : undefined
}

const noteSize = (size: number, metadata: Metadata | undefined): Metadata =>
  metadata?.size === undefined || metadata.size === String(size)
    ? { ...metadata, size: String(size) }
    : { ...metadata, 'content-size': String(size) }

class CompressedStore extends Wrapping {
  readonly #options: CompressOptions
  readonly #world: FsWorld
  constructor(parent: OpenStore, options: CompressOptions, world: FsWorld) { super(parent); this.#options = options; this.#world = world }

  override async write(key: string, body: Body, context: RequestContext, options: WriteOptions = {}): Promise<{ etag: string }> {
    const { codec, level } = this.#options
    const noted = { ...options, metadata: noteSize(body.size, options.metadata) }
    if (isShort(body)) return this.parent.write(key, bodyOf(codec.compress(joinShort(body), level)), context, noted)
    const spool = path.join(this.#world.tempDirectory, `culver-compress-${Buffer.from(this.#world.random.bytes(12)).toString('hex')}`)
    try {
      const file = createWriteStream(spool, { flags: 'wx', mode: 0o600 })
      await pipeline(Readable.from(bodyChunks(body), { objectMode: false }), codec.compressor(level), file)
        .catch((error: unknown) => { throw fsFailure(error, 'compress') })
      const size = file.bytesWritten
      return await this.parent.write(key, { size, parts: [{ path: spool, offset: 0, length: size }] }, context, noted)
    } finally {
      await rm(spool, { force: true })
    }
  }

  override async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    if (range) checkRange(range)
    const stored = await this.parent.read(key, context)
    try {
      const { codec, bytes } = await this.#open(key, stored)
      const size = notedSize(stored) ?? (codec ? await this.#sizeOf(key, context) : stored.size)
      if (range && !isWhole(range) && range.start >= size) throw new ObjectNotFound(`${key} (bytes from ${range.start}, it has ${size})`)
      const { etag, modifiedMs, metadata } = stored
      return readerOf({ size, etag, modifiedMs, metadata }, range ? within(bytes, range) : bytes, () => stored.cancel())
    } catch (error) {
      stored.cancel()
      throw error
    }
  }

  override async stat(key: string, context: RequestContext): Promise<ObjectStat> {
    const stat = await this.parent.stat(key, context)
    return { ...stat, size: notedSize(stat) ?? await this.#sizeOf(key, context) }
  }

  /** Looks at the first bytes of a stored object, and decompresses it accordingly. */
  async #open(key: string, stored: ObjectReader): Promise<{ codec: Codec | undefined; bytes: AsyncGenerator<Uint8Array> }> {
    const chunks = stored.body[Symbol.asyncIterator]()
    const head: Uint8Array[] = []
    for (let size = 0; size < magicBytes;) {
      const { done, value } = await chunks.next()
      if (done) break
      head.push(value)
      size += value.length
    }
    const codec = detect(Buffer.concat(head))
    if (!codec && !this.#options.maybe) {
      throw new TempFail(`${key} is not compressed; the storage string says compress:${this.#options.codec.name} (maybe-${this.#options.codec.name} reads both)`)
    }
    const raw = joined(head, chunks)
    return { codec, bytes: codec ? decompressed(raw, codec, key) : raw }
  }

  /** The plain size of an object that does not say it: by reading it. */
  async #sizeOf(key: string, context: RequestContext): Promise<number> {
    const stored = await this.parent.read(key, context)
    try {
      const { bytes } = await this.#open(key, stored)
      let size = 0
      for await (const chunk of bytes) size += chunk.length
      return size
    } finally {
      stored.cancel()
    }
  }
}

async function* joined(head: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* head
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

async function* decompressed(raw: AsyncGenerator<Uint8Array>, codec: Codec, key: string): AsyncGenerator<Uint8Array> {
  const source = Readable.from(raw, { objectMode: false })
  const plain = codec.decompressor()
  // The store's failure has its kind already and must not be mistaken for broken content.
  let failure: unknown
  source.on('error', (error) => { failure = error; plain.destroy(error) })
  source.pipe(plain)
  try {
    for await (const chunk of plain) yield chunk as Uint8Array
  } catch (error) {
    throw failure ?? new TempFail(`${key} cannot be decompressed: ${messageOf(error)}`)
  } finally {
    source.destroy()
    plain.destroy()
  }
}

/** The part of a stream that a range asks for; what lies behind it is not read. */
async function* within(bytes: AsyncGenerator<Uint8Array>, { start, end = Infinity }: ByteRange): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of bytes) {
    const piece = chunk.subarray(Math.max(0, start - at), Math.min(chunk.length, end - at))
    at += chunk.length
    if (piece.length > 0) yield piece
    if (at >= end) return
  }
}

export default wrapper({
  name: 'compress',
  form: 'compress:METHOD:LEVEL:…, for example compress:gz:6:…',
  parse,
  open: (options: CompressOptions, parent, world) => new CompressedStore(parent, options, world),
})
