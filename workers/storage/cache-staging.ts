// An object being written: a copy of it comes into the fscache, so that what was just delivered is read from there. Long
// bodies are copied while the parent stores them, short ones afterwards, in one go. Nothing here ever rejects.

import { crc32 } from 'node:zlib'
import type { Body, Metadata } from '../../runtime/effects.ts'
import { bodyChunks, isShort } from './body.ts'
import type { CacheDirectory } from './cache-directory.ts'
import { writeAll } from './cache-disk.ts'
import type { CacheFile } from './cache-disk.ts'
import { tailOf } from './cache-entry.ts'
import { blocksFor } from './cache-fill.ts'
import { blocksOf } from './cache-index.ts'
import { errnoOf } from './fs-errors.ts'

/** A copy in the making. */
interface Copy { file: CacheFile; path: string; checksum: number }

export class Staging {
  readonly #cache: CacheDirectory
  readonly #name: string
  readonly #key: string
  readonly #body: Body
  readonly #metadata: Metadata
  #blocks = 0
  #copying: Promise<Copy | undefined> | undefined

  constructor(cache: CacheDirectory, name: string, key: string, body: Body, metadata: Metadata) {
    this.#cache = cache
    this.#name = name
    this.#key = key
    this.#body = body
    this.#metadata = metadata
    if (!isShort(body)) this.#copying = this.#copy()
  }

  /** The parent has the object, under this etag: the copy becomes an entry, if `may` still says so. The body must still be there. */
  async keep(etag: string, may: () => boolean): Promise<void> {
    if (!may()) return
    this.#copying ??= this.#copy()
    const copy = await this.#copying
    if (!copy) return
    const facts = { size: this.#body.size, modifiedMs: this.#cache.now, etag, metadata: this.#metadata, key: this.#key }
    try {
      const tail = tailOf(facts, copy.checksum)
      const used = blocksOf(facts.size + tail.length)
      if (used > this.#blocks) return
      await writeAll(copy.file, tail, facts.size)
      if (!await this.#cache.publish(this.#name, copy.path, used, 0, may)) return
      this.#cache.index.give(this.#blocks - used)
      this.#blocks = 0
      this.#copying = Promise.resolve(undefined)
      await copy.file.close()
    } catch (error) {
      this.#cache.trouble(error)
    }
  }

  /** Removes what has not become an entry. To be called at the end, in any case. */
  async leave(): Promise<void> {
    const copy = await this.#copying
    if (copy) {
      await copy.file.close().catch((error: unknown) => { this.#cache.trouble(error) })
      await this.#cache.unmake(copy.path)
    }
    this.#cache.index.give(this.#blocks)
    this.#blocks = 0
  }

  async #copy(): Promise<Copy | undefined> {
    const { size } = this.#body
    const blocks = blocksFor(this.#key, { size, modifiedMs: 0, etag: '', metadata: this.#metadata })
    if (!await this.#cache.reserve(blocks)) return undefined
    this.#blocks = blocks
    let made: { file: CacheFile; path: string } | undefined
    try {
      made = await this.#cache.make()
      let checksum = 0
      let at = 0
      for await (const chunk of bodyChunks(this.#body)) {
        await writeAll(made.file, chunk, at)
        at += chunk.length
        checksum = crc32(chunk, checksum)
      }
      return { ...made, checksum }
    } catch (error) {
      // A body that cannot be read is the parent's to tell.
      if (errnoOf(error) !== undefined) this.#cache.trouble(error)
      if (made) {
        await made.file.close().catch(() => {})
        await this.#cache.unmake(made.path)
      }
      return undefined
    }
  }
}
