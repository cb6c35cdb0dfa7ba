// `memory:` — a store that lives as long as its thread: for tests and first tries. `memory:NAME` opens the one of that
// name, so that what one stack wrote another finds; `memory:` alone has the empty name.

import type { Body, ByteRange, ListOptions, ListPage, Metadata, ObjectReader, ObjectStat, RequestContext, WriteCondition } from '../../runtime/effects.ts'
import { ConditionFailed, ObjectNotFound } from '../../runtime/errors.ts'
import { bodyChunks, bodyOf, collect, readerOf } from '../storage/body.ts'
import { countRequest, driver } from '../storage/driver.ts'
import type { FsWorld, OpenStore } from '../storage/driver.ts'
import { checkKey, clipRange, compareKeys, isBefore, pageOf } from '../storage/keys.ts'

interface Stored extends ObjectStat { bytes: Uint8Array }

/** The objects of one name, and their keys in order (sorted again after keys came or went). */
interface Shelf { objects: Map<string, Stored>; order: string[] | undefined; writes: number }

const shelves = new Map<string, Shelf>()

class MemoryStore implements OpenStore {
  readonly conditionalWrites = true
  readonly #shelf: Shelf
  readonly #now: () => number

  constructor(shelf: Shelf, now: () => number) { this.#shelf = shelf; this.#now = now }

  async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    countRequest(context)
    const stored = this.#find(key)
    const { start, end } = clipRange(key, stored.size, range)
    return readerOf(stored, bodyChunks(bodyOf(stored.bytes.slice(start, end))))
  }

  async write(key: string, body: Body, context: RequestContext, options: { metadata?: Metadata; condition?: WriteCondition } = {}): Promise<{ etag: string }> {
    countRequest(context)
    checkKey(key)
    const bytes = (await collect(bodyChunks(body), Infinity)).slice()
    const { condition } = options
    const present = this.#shelf.objects.get(key)
    if (condition && ('ifAbsent' in condition ? present : present?.etag !== condition.ifMatch)) throw new ConditionFailed(key)
    return { etag: this.#put(key, bytes, options.metadata ?? {}) }
  }

  async copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> {
    countRequest(context)
    checkKey(to)
    const source = this.#find(from)
    this.#put(to, source.bytes, metadata ?? source.metadata)
  }

  async delete(key: string, context: RequestContext): Promise<void> {
    countRequest(context)
    this.#remove(key)
  }

  async deleteMany(keys: string[], context: RequestContext): Promise<string[]> {
    if (keys.length > 0) countRequest(context)
    for (const key of keys) this.#remove(key)
    return []
  }

  async list(prefix: string, context: RequestContext, options: ListOptions = {}): Promise<ListPage> {
    countRequest(context)
    const { objects } = this.#shelf
    const order = this.#shelf.order ??= [...objects.keys()].sort(compareKeys)
    const keys = order.values().filter((key) => key.startsWith(prefix) && !isBefore(key, options))
    return pageOf(keys, prefix, options, (key) => {
      const stored = objects.get(key)
      return stored && { key, size: stored.size, modifiedMs: stored.modifiedMs, etag: stored.etag }
    })
  }

  async stat(key: string, context: RequestContext): Promise<ObjectStat> {
    countRequest(context)
    const { size, modifiedMs, etag, metadata } = this.#find(key)
    return { size, modifiedMs, etag, metadata: { ...metadata } }
  }

  close(): void {}

  #find(key: string): Stored {
    checkKey(key)
    const stored = this.#shelf.objects.get(key)
    if (!stored) throw new ObjectNotFound(key)
    return stored
  }

  #put(key: string, bytes: Uint8Array, metadata: Metadata): string {
    const etag = `w${++this.#shelf.writes}`
    if (!this.#shelf.objects.has(key)) this.#shelf.order = undefined
    this.#shelf.objects.set(key, { bytes, size: bytes.length, modifiedMs: this.#now(), etag, metadata: { ...metadata } })
    return etag
  }

  #remove(key: string): void {
    checkKey(key)
    if (this.#shelf.objects.delete(key)) this.#shelf.order = undefined
  }
}

export default driver({
  name: 'memory',
  form: 'memory: or memory:NAME',
  open(text: string, world: FsWorld): OpenStore {
    let shelf = shelves.get(text)
    if (!shelf) shelves.set(text, shelf = { objects: new Map(), order: undefined, writes: 0 })
    return new MemoryStore(shelf, () => world.clock.now())
  },
})
