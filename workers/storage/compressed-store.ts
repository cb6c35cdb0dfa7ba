// Objects that are compressed on their way to the parent: what `compress:` (a whole store) and `zlib:` (mail bodies) share.
//
// Rules: readers see plain sizes and plain ranges. The plain size is kept as metadata `size`, or where the writer means
// something else by that as `content-size`; an object with neither is read through to answer `stat`. `list` gives the
// sizes that are stored. Reading goes by the magic of what is there, so the method can be changed.
//
// Where plain objects are read too (`plain`), one whose stored size is its plain size is plain, whatever it begins with:
// compressing that gains nothing is left undone. So no mail is mistaken for a compressed one because of its first bytes.
// (Those other servers saved with LF say another size; they have to look like a compressed stream to be taken for one.)
// What decompresses to more than it says, or than any mail may have, is broken.

import { Buffer } from 'node:buffer'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Body, ByteRange, Metadata, ObjectReader, ObjectStat, RequestContext } from '../../runtime/effects.ts'
import { messageOf, ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { bodyChunks, bodyOf, isShort, joinShort, rangeOf, readerOf } from './body.ts'
import { detect, detectUnsupported, magicBytes } from './codecs.ts'
import type { Codec, Decoder } from './codecs.ts'
import type { FsWorld, OpenStore } from './driver.ts'
import { fsFailure } from './fs-errors.ts'
import { checkRange, isWhole } from './keys.ts'
import { Wrapping } from './wrapping.ts'
import type { WriteOptions } from './wrapping.ts'

export interface Compression {
  /** How new objects are compressed; undefined: not at all. */
  codec: Codec | undefined
  level: number
  /** Plain objects are read as well. */
  plain: boolean
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

export class CompressedStore extends Wrapping {
  readonly #how: Compression
  readonly #world: FsWorld
  constructor(parent: OpenStore, how: Compression, world: FsWorld) { super(parent); this.#how = how; this.#world = world }

  override async write(key: string, body: Body, context: RequestContext, options: WriteOptions = {}): Promise<{ etag: string }> {
    const { codec, level } = this.#how
    const noted = { ...options, metadata: noteSize(body.size, options.metadata) }
    if (!codec) return this.parent.write(key, body, context, noted)
    if (isShort(body)) return this.parent.write(key, this.#shorter(bodyOf(codec.compress(joinShort(body), level)), body), context, noted)
    const spool = path.join(this.#world.tempDirectory, `culver-compress-${Buffer.from(this.#world.random.bytes(12)).toString('hex')}`)
    try {
      const file = createWriteStream(spool, { flags: 'wx', mode: 0o600 })
      await pipeline(Readable.from(bodyChunks(body), { objectMode: false }), codec.compressor(level), file)
        .catch((error: unknown) => { throw fsFailure(error, 'compress') })
      const size = file.bytesWritten
      return await this.parent.write(key, this.#shorter({ size, parts: [{ path: spool, offset: 0, length: size }] }, body), context, noted)
    } finally {
      await rm(spool, { force: true })
    }
  }

  override async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    if (range) checkRange(range)
    const wanted = range && !isWhole(range) ? range : undefined
    // Where bodies are stored as they come, most are plain, and the range is all that is needed.
    if (wanted && this.#how.plain && !this.#how.codec) {
      const part = await this.parent.read(key, context, wanted).catch(orBeyond)
      if (part && notedSize(part) === part.size) return part
      part?.cancel()
    }
    const stored = await this.parent.read(key, context)
    try {
      const { size, bytes } = await this.#open(key, stored, context)
      if (wanted && wanted.start >= size) throw new ObjectNotFound(`${key} (bytes from ${wanted.start}, it has ${size})`)
      const { etag, modifiedMs, metadata } = stored
      return readerOf({ size, etag, modifiedMs, metadata }, wanted ? rangeOf(bytes, wanted) : bytes, () => stored.cancel())
    } catch (error) {
      stored.cancel()
      throw error
    }
  }

  override async stat(key: string, context: RequestContext): Promise<ObjectStat> {
    const stat = await this.parent.stat(key, context)
    return { ...stat, size: notedSize(stat) ?? await this.#sizeOf(key, context) }
  }

  /** Compressed, unless plain objects are told by their size and nothing is gained. */
  #shorter(compressed: Body, plain: Body): Body { return this.#how.plain && compressed.size >= plain.size ? plain : compressed }

  async #open(key: string, stored: ObjectReader, context: RequestContext): Promise<{ size: number; bytes: AsyncGenerator<Uint8Array> }> {
    const noted = notedSize(stored)
    const { codec, bytes } = await this.#plainBytes(key, stored)
    return { size: noted ?? (codec ? await this.#sizeOf(key, context) : stored.size), bytes }
  }

  /** Looks at the first bytes of a stored object, and decompresses it accordingly. */
  async #plainBytes(key: string, stored: ObjectReader): Promise<{ codec: Decoder | undefined; bytes: AsyncGenerator<Uint8Array> }> {
    const { plain, codec: usual } = this.#how
    const noted = notedSize(stored)
    const chunks = stored.body[Symbol.asyncIterator]()
    if (plain && noted === stored.size) return { codec: undefined, bytes: joined([], chunks) }
    const head: Uint8Array[] = []
    for (let size = 0; size < magicBytes;) {
      const { done, value } = await chunks.next()
      if (done) break
      head.push(value)
      size += value.length
    }
    const first = Buffer.concat(head)
    const codec = detect(first)
    const raw = joined(head, chunks)
    if (codec) return { codec, bytes: decompressed(raw, codec, key, noted ?? limits.messageBytes) }
    const other = detectUnsupported(first)
    if (other !== undefined) throw new TempFail(`${key} is compressed with ${other}, which is not supported`)
    if (!plain) throw new TempFail(`${key} is not compressed; the storage string says compress:${usual?.name} (maybe-${usual?.name} reads both)`)
    return { codec: undefined, bytes: raw }
  }

  /** The plain size of an object that does not say it: by reading it. */
  async #sizeOf(key: string, context: RequestContext): Promise<number> {
    const stored = await this.parent.read(key, context)
    try {
      const { bytes } = await this.#plainBytes(key, stored)
      let size = 0
      for await (const chunk of bytes) size += chunk.length
      return size
    } finally {
      stored.cancel()
    }
  }
}

/** Stored, it may be shorter than the range's beginning. */
const orBeyond = (error: unknown): undefined => {
  if (!(error instanceof ObjectNotFound)) throw error
}

async function* joined(head: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* head
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

/** At most `most` bytes: more would be a bomb. */
async function* decompressed(raw: AsyncGenerator<Uint8Array>, codec: Decoder, key: string, most: number): AsyncGenerator<Uint8Array> {
  const source = Readable.from(raw, { objectMode: false })
  const plain = codec.decompressor()
  // The store's failure has its kind already and must not be mistaken for broken content.
  let failure: unknown
  source.on('error', (error) => { failure = error; plain.destroy(error) })
  source.pipe(plain)
  let size = 0
  try {
    for await (const chunk of plain) {
      size += (chunk as Uint8Array).length
      if (size > most) throw new Error(`more than ${most} bytes`)
      yield chunk as Uint8Array
    }
  } catch (error) {
    throw failure ?? new TempFail(`${key} cannot be decompressed: ${messageOf(error)}`)
  } finally {
    source.destroy()
    plain.destroy()
  }
}
