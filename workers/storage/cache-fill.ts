// An object on its way from the parent into the cache, shared by all who read it meanwhile.
//
// Rules: it goes on at the store's pace, whoever reads how slowly; readers take what has just come from memory, and what is
// further back from the file. Memory held: limits.memoryBodyBytes and a chunk. A reader that leaves disturbs nobody. Where
// the disk fails, readers go on by asking the parent for the rest; where the store fails, they fail as they would without a
// cache. Once the last reader has left and much is missing, it is given up.

import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'
import type { ObjectReader, ObjectStat } from '../../runtime/effects.ts'
import { Cancelled, messageOf } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import type { CacheDirectory } from './cache-directory.ts'
import { readAll, writeAll } from './cache-disk.ts'
import type { CacheFile } from './cache-disk.ts'
import { tailOf } from './cache-entry.ts'
import { blocksOf } from './cache-index.ts'
import type { Entry } from './cache-index.ts'

const pieceBytes = 64 * 1024
/** Room that is asked for where an object turns out to be longer than it said. */
const growBytes = 1024 * 1024

/**
 * running → whole: all is here · broken: the rest is not coming, readers ask the parent · failed: the store failed.
 */
type Phase = 'running' | 'whole' | 'broken' | 'failed'

/** Bytes of the facts beside key and metadata. */
const factsBytes = 256

/** Blocks that an object takes with what is known of it. */
export const blocksFor = (key: string, { size, etag, metadata }: ObjectStat): number =>
  blocksOf(size + 2 * (Buffer.byteLength(key) + etag.length + Buffer.byteLength(JSON.stringify(metadata))) + factsBytes)

export class Fill {
  readonly stat: ObjectStat
  /** Settles when it has come to its end, as an entry or not. Never rejects. */
  readonly done: Promise<void>
  readonly #cache: CacheDirectory
  readonly #name: string
  readonly #key: string
  readonly #source: ObjectReader
  /** The latest chunks, up to `#arrived`. */
  readonly #window: Uint8Array[] = []
  #windowBytes = 0
  #arrived = 0
  /** Bytes in the file. */
  #written = 0
  #checksum = 0
  #file: CacheFile | undefined
  /** Counted as ours; 0 once they are an entry's or given back. */
  #blocks: number
  #entry: Entry | undefined
  #phase: Phase = 'running'
  #failure: unknown
  #kept = true
  /** It is being written to the disk. */
  #storing = true
  #lasting = false
  #readers = 0
  #ended = false
  #waiting: (() => void)[] = []

  /** `blocks` are reserved; it takes them over, and the source. */
  constructor(cache: CacheDirectory, name: string, key: string, source: ObjectReader, blocks: number) {
    this.#cache = cache
    this.#name = name
    this.#key = key
    this.#source = source
    this.#blocks = blocks
    const { size, modifiedMs, etag, metadata } = source
    this.stat = { size, modifiedMs, etag, metadata }
    this.done = this.#run()
  }

  /** The object has changed: this is not what it is any more. */
  discard(): void { this.#kept = false }

  /** Whether a reader that begins at `start` has to wait but for a moment. */
  isNear(start: number): boolean { return this.#phase === 'whole' || start <= this.#arrived + limits.cacheWaitBytes }

  /** Nobody can read it any more. */
  get closed(): boolean { return this.#ended && this.#readers === 0 }

  /** It was asked for piecemeal: more of it will be wanted when a reader leaves. */
  wantWhole(): void { this.#lasting = true }

  /** A reader begins. */
  enter(): void { this.#readers++ }

  /** One has left. */
  leave(): void {
    this.#readers--
    if (this.#readers > 0) return
    if (this.#ended) this.#close()
    else if (this.#phase === 'running' && !this.#lasting && this.stat.size - this.#arrived > limits.cacheRestBytes) this.#stop()
  }

  /**
   * The bytes [start, end), for a reader that has entered, as they come. `rest` asks the parent for what does not come;
   * `left` says that the reader has gone.
   */
  async *bytes(start: number, end: number, rest: (from: number) => AsyncIterable<Uint8Array>, left: () => boolean): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end && !left();) {
      const piece = this.#recent(at) ?? await this.#stored(at, end)
      if (left()) return
      if (piece) {
        const wanted = piece.subarray(0, end - at)
        at += wanted.length
        yield wanted
      } else if (this.#phase === 'running' && at >= this.#arrived) {
        await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
      } else if (this.#phase === 'whole' && at >= this.#arrived) {
        return
      } else if (this.#phase === 'failed' && at >= this.#arrived) {
        throw this.#failure
      } else {
        if (at < this.stat.size) yield* rest(at)
        return
      }
    }
  }

  /** What of the window begins at, or holds, this place. */
  #recent(at: number): Uint8Array | undefined {
    let from = this.#arrived - this.#windowBytes
    if (at < from || at >= this.#arrived) return undefined
    for (const chunk of this.#window) {
      if (at < from + chunk.length) return chunk.subarray(at - from)
      from += chunk.length
    }
    return undefined
  }

  async #stored(at: number, end: number): Promise<Uint8Array | undefined> {
    if (!this.#file || at >= this.#written) return undefined
    try {
      return await readAll(this.#file, at, Math.min(pieceBytes, this.#written - at, end - at))
    } catch (error) {
      if (!this.#ended || this.#readers > 0) this.#cache.trouble(error)
      return undefined
    }
  }

  async #run(): Promise<void> {
    let temporary: string | undefined
    try {
      const made = await this.#cache.make()
      this.#file = made.file
      temporary = made.path
    } catch (error) {
      this.#diskFailed(error)
    }
    await this.#fetch()
    if (this.#phase === 'whole' && this.#storing && temporary !== undefined) await this.#publish(temporary)
    if (temporary !== undefined && !this.#entry) await this.#cache.unmake(temporary)
    this.#ended = true
    if (this.#readers === 0) this.#close()
  }

  async #fetch(): Promise<void> {
    try {
      for await (const chunk of this.#source.body) {
        if (this.#phase !== 'running') break
        if (chunk.length === 0) continue
        this.#window.push(chunk)
        this.#windowBytes += chunk.length
        this.#arrived += chunk.length
        this.#wake()
        if (this.#storing) await this.#store(chunk)
        if (this.#windowBytes <= limits.memoryBodyBytes) continue
        if (!this.#storing) { this.#stop(); break }
        while (this.#windowBytes > limits.memoryBodyBytes) this.#windowBytes -= this.#window.shift()!.length
      }
      if (this.#phase === 'running') this.#phase = 'whole'
    } catch (error) {
      // Whoever asked for it first has gone: no reason for the others to fail.
      if (this.#phase === 'running') this.#phase = error instanceof Cancelled ? 'broken' : 'failed'
      this.#failure = error
    }
    this.#wake()
  }

  async #store(chunk: Uint8Array): Promise<void> {
    try {
      const blocks = blocksFor(this.#key, { ...this.stat, size: this.#arrived })
      if (blocks > this.#blocks) {
        const more = blocks - this.#blocks + blocksOf(growBytes)
        if (!await this.#cache.reserve(more)) { this.#storing = false; return }
        this.#blocks += more
      }
      await writeAll(this.#file!, chunk, this.#written)
      this.#written += chunk.length
      this.#checksum = crc32(chunk, this.#checksum)
    } catch (error) {
      this.#diskFailed(error)
    }
  }

  async #publish(temporary: string): Promise<void> {
    try {
      const tail = tailOf({ ...this.stat, size: this.#written, key: this.#key }, this.#checksum)
      await writeAll(this.#file!, tail, this.#written)
      const used = Math.min(this.#blocks, blocksOf(this.#written + tail.length))
      this.#entry = await this.#cache.publish(this.#name, temporary, used, 1, () => this.#kept)
      if (!this.#entry) return
      this.#cache.index.give(this.#blocks - used)
      this.#blocks = 0
    } catch (error) {
      this.#diskFailed(error)
    }
  }

  #diskFailed(error: unknown): void {
    this.#storing = false
    this.#cache.trouble(error)
  }

  /** Gives the rest up. */
  #stop(): void {
    this.#phase = 'broken'
    this.#source.cancel()
    this.#wake()
  }

  #wake(): void { for (const resolve of this.#waiting.splice(0)) resolve() }

  /** Nobody reads it and nothing is written any more. */
  #close(): void {
    void this.#file?.close().catch((error: unknown) => { this.#cache.trouble(new Error(messageOf(error))) })
    this.#file = undefined
    if (this.#entry) this.#cache.index.unpin(this.#entry)
    this.#entry = undefined
    this.#cache.index.give(this.#blocks)
    this.#blocks = 0
  }
}
