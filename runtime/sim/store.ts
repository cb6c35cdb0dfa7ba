// A process's way to the object store that all machines share: the real driver behind a network that is slow, fails
// before or after the deed, breaks off bodies, and is away for a while. A request whose process died may be lost, or
// reach the store then or some time later.

import { Cancelled, TempFail } from '../errors.ts'
import type {
  Body, ByteRange, FileSlice, ListOptions, ListPage, Metadata, ObjectInfo, ObjectReader, ObjectStat, ObjectStore, RequestContext, WriteCondition,
} from '../effects.ts'
import type { SimDisk } from './disk.ts'
import type { SimProcess } from './process.ts'
import type { SimRandom } from './random.ts'
import type { SimWorld } from '../sim-effects.ts'

/** In a storm. */
const stormRate = 0.7

export class SimStore implements ObjectStore {
  readonly #inner: ObjectStore
  readonly #process: SimProcess
  readonly #disk: SimDisk

  constructor(inner: ObjectStore, process: SimProcess, disk: SimDisk) {
    this.#inner = inner
    this.#process = process
    this.#disk = disk
  }

  get conditionalWrites(): boolean { return this.#inner.conditionalWrites }

  read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    const label = `GET ${key}${range === undefined ? '' : ` ${range.start}-${range.end ?? ''}`}`
    return this.#request(label, context, async () => {
      const reader = await this.#inner.read(key, context, range)
      return { ...reader, cancel: () => { reader.cancel() }, body: this.#body(reader, key, context) }
    })
  }

  write(key: string, body: Body, context: RequestContext, options?: { metadata?: Metadata; condition?: WriteCondition }): Promise<{ etag: string }> {
    // What is on the wire does not follow what becomes of the spool file: its machine may lose power meanwhile.
    const parts = body.parts.map((part) => (part instanceof Uint8Array ? part : this.#slice(part)))
    return this.#change(`PUT ${key} ${body.size}`, context, async () => {
      const before = await this.#before(key, context)
      const written = await this.#inner.write(key, { size: body.size, parts: parts.map((part) => { if (part instanceof TempFail) throw part; return part }) }, context, options)
      this.#world.listing?.wrote(key, before)
      return written
    })
  }

  copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> {
    return this.#change(`COPY ${from} ${to}`, context, async () => {
      const before = await this.#before(to, context)
      await this.#inner.copy(from, to, context, metadata)
      this.#world.listing?.wrote(to, before)
    })
  }

  delete(key: string, context: RequestContext): Promise<void> {
    return this.#change(`DELETE ${key}`, context, async () => {
      const before = await this.#before(key, context)
      await this.#inner.delete(key, context)
      this.#world.listing?.deleted(key, before)
    })
  }

  deleteMany(keys: string[], context: RequestContext): Promise<string[]> {
    const these = [...keys]
    return this.#change(`DELETE ${these.length} keys: ${these.join(' ')}`, context, async () => {
      const before = new Map<string, ObjectInfo | undefined>()
      for (const key of these) before.set(key, await this.#before(key, context))
      const left = await this.#inner.deleteMany(these, context)
      for (const key of these) if (!left.includes(key)) this.#world.listing?.deleted(key, before.get(key))
      return left
    })
  }

  list(prefix: string, context: RequestContext, options?: ListOptions): Promise<ListPage> {
    return this.#request(`LIST ${prefix}${options?.after === undefined ? '' : ` after ${options.after}`}`, context, async () => {
      const { listing } = this.#world
      return listing === undefined ? this.#inner.list(prefix, context, options) : listing.page(await this.#all(prefix, context), prefix, options ?? {})
    })
  }

  stat(key: string, context: RequestContext): Promise<ObjectStat> {
    return this.#request(`HEAD ${key}`, context, () => this.#inner.stat(key, context))
  }

  get #world(): SimWorld { return this.#process.world }

  /** For listings that lag: what the key is before it changes. */
  async #before(key: string, context: RequestContext): Promise<ObjectInfo | undefined> {
    if (this.#world.listing === undefined) return undefined
    try {
      const { size, modifiedMs, etag } = await this.#inner.stat(key, context)
      return { key, size, modifiedMs, etag }
    } catch {
      return undefined
    }
  }

  async #all(prefix: string, context: RequestContext): Promise<ObjectInfo[]> {
    const all: ObjectInfo[] = []
    for (let after: string | undefined; ;) {
      const page = await this.#inner.list(prefix, context, after === undefined ? {} : { after })
      all.push(...page.objects)
      if (page.next === undefined) return all
      after = page.next
    }
  }

  #request<T>(label: string, context: RequestContext, perform: () => Promise<T>, change = false): Promise<T> {
    const { dice, faults } = this.#world
    const roll = dice.fraction()
    const delayMs = this.#delay()
    const answer = this.#process.call<T>({
      label,
      delayMs,
      answerMs: change ? this.#delay() : 0,
      perform: async () => {
        if (this.#world.storeDown) throw this.#world.fault('the store is down', 'store down')
        if (roll < (this.#world.storm ? stormRate : faults.failBefore)) throw this.#world.fault(`503 before ${label}`, '503')
        const result = await perform()
        if (change && roll < faults.failBefore + faults.failAfter) throw this.#world.fault(`504 after ${label}`, 'done and answered with an error')
        return result
      },
      ...(change ? { orphaned: (orphanDice: SimRandom) => { this.#orphan(label, perform, orphanDice) } } : {}),
    })
    return abortable(answer, context.signal)
  }

  #change<T>(label: string, context: RequestContext, perform: () => Promise<T>): Promise<T> {
    return this.#request(label, context, perform, true)
  }

  /** The request was on the wire when its process died. */
  #orphan<T>(label: string, perform: () => Promise<T>, dice: SimRandom): void {
    if (dice.chance(0.4)) return
    const delayMs = dice.chance(0.5) ? 0 : dice.fraction() * this.#world.faults.lateMs
    this.#world.agenda.plan(delayMs, () => {
      if (this.#world.storeDown) return
      this.#world.trace(`late: ${label}`)
      // What the answer would have been interests nobody any more.
      perform().catch(() => {})
    })
  }

  async * #body(reader: ObjectReader, key: string, context: RequestContext): AsyncGenerator<Uint8Array> {
    const { dice, faults } = this.#world
    const roll = dice.fraction()
    const breaks = roll < faults.failReading
    const ends = !breaks && roll < faults.failReading + faults.endEarly
    for await (const chunk of reader.body) {
      const half = breaks || ends ? chunk.subarray(0, chunk.length >> 1) : chunk
      const wait = this.#process.call({ label: `body ${key} ${half.length}`, delayMs: dice.fraction(), answerMs: 0, perform: () => {} })
      await abortable(wait, context.signal)
      yield half
      if (breaks) throw this.#world.fault(`connection lost while reading ${key}`, 'connection lost')
      if (ends) {
        this.#world.fault(`${key} ends too early`, 'wrong length')
        return
      }
    }
  }

  #delay(): number {
    const { dice, faults } = this.#world
    return dice.fraction() * (dice.chance(faults.slow) ? faults.slowMs : faults.storeMs)
  }

  /** A driver reads spool files itself; here they lie on the simulated disk. */
  #slice({ path, offset, length }: FileSlice): Uint8Array | TempFail {
    const bytes = this.#disk.read(path, offset, length)
    return bytes?.length === length ? bytes : new TempFail(`spool file ${path} is gone or shorter than ${offset + length} bytes`)
  }
}

function abortable<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answer
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => { reject(new Cancelled()) }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    answer.then(resolve, reject).finally(() => { signal.removeEventListener('abort', abort) })
  })
}
