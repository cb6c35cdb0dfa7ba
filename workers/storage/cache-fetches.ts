// Which objects are being fetched into one fscache directory, and for whom: one download an object, however many ask.

import type { ByteRange, ObjectReader } from '../../runtime/effects.ts'
import { Cancelled } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import type { CacheDirectory } from './cache-directory.ts'
import { blocksFor, Fill } from './cache-fill.ts'

/** What a read that begins a download gets: the download, entered, or what the store answered where that is not to be kept. */
export type Begun = { fill: Fill } | { passed: ObjectReader }

/** The store is being asked. `stale`: the object has changed meanwhile. */
interface Opening { begun: Promise<Begun>; stale: boolean }

export class Fetches {
  readonly #cache: CacheDirectory
  readonly #openings = new Map<string, Opening>()
  readonly #fills = new Map<string, Fill>()
  /** All that run, those of changed objects too. */
  #running = 0
  /** Objects of which a piece was asked for that made no download; the latest last. */
  readonly #pieces = new Set<string>()

  constructor(cache: CacheDirectory) {
    this.#cache = cache
    cache.onChange.add((name) => this.#changed(name))
  }

  /** Downloads under way. */
  get running(): number { return this.#running }

  /** The download of an object that is under way, entered; undefined where there is none, or its reader would wait long. Rejects as the store does, or with Cancelled. */
  async join(name: string, range: ByteRange | undefined, signal: AbortSignal | undefined): Promise<Fill | undefined> {
    const opening = this.#openings.get(name)
    const begun = opening && await orCancelled(opening.begun, signal)
    if (opening?.stale) return undefined
    const fill = begun && 'fill' in begun ? begun.fill : this.#fills.get(name)
    return fill && this.#enter(fill, range)
  }

  /**
   * Begins to download the whole object, as `open` asks the store for it. undefined: this read is to go to the store by itself.
   * Rejects as `open` does, or with Cancelled.
   */
  async begin(name: string, key: string, range: ByteRange | undefined, signal: AbortSignal | undefined, open: () => Promise<ObjectReader>): Promise<Begun | undefined> {
    if (this.#openings.has(name) || this.#fills.has(name)) {
      const fill = await this.join(name, range, signal)
      return fill && { fill }
    }
    const again = range !== undefined && this.#askedBefore(name)
    if (range && range.start > limits.cacheLeadBytes && !again) return undefined
    if (this.#cache.isChanging(name) || this.#cache.resting || this.#running >= limits.cacheFills) return undefined
    const most = range && !again ? limits.cacheWholeBytes : Infinity
    const begun = this.#open(name, key, most, open)
    try {
      const got = await orCancelled(begun, signal)
      if ('passed' in got) return got
      const fill = this.#enter(got.fill, range)
      return fill && { fill }
    } catch (error) {
      // It goes on for the others; what was meant for this one alone is let go.
      if (error instanceof Cancelled) void begun.then((got) => { if ('passed' in got) got.passed.cancel() }, () => {})
      throw error
    }
  }

  #open(name: string, key: string, most: number, open: () => Promise<ObjectReader>): Promise<Begun> {
    this.#running++
    const opening: Opening = { stale: false, begun: Promise.resolve().then(() => this.#start(opening, name, key, most, open)) }
    this.#openings.set(name, opening)
    const over = (): void => {
      if (this.#openings.get(name) === opening) this.#openings.delete(name)
    }
    opening.begun.then((begun) => {
      over()
      if ('fill' in begun) void begun.fill.done.then(() => { this.#running-- })
      else this.#running--
    }, () => { over(); this.#running-- })
    return opening.begun
  }

  async #start(opening: Opening, name: string, key: string, most: number, open: () => Promise<ObjectReader>): Promise<Begun> {
    const reader = await open()
    const blocks = blocksFor(key, reader)
    if (opening.stale || reader.size > most || !await this.#cache.reserve(blocks)) return { passed: reader }
    const fill = new Fill(this.#cache, name, key, reader, blocks)
    if (opening.stale) {
      fill.discard()
    } else {
      this.#fills.set(name, fill)
      void fill.done.then(() => { if (this.#fills.get(name) === fill) this.#fills.delete(name) })
    }
    return { fill }
  }

  #enter(fill: Fill, range: ByteRange | undefined): Fill | undefined {
    if (range) fill.wantWhole()
    if (fill.closed || !fill.isNear(range?.start ?? 0)) return undefined
    fill.enter()
    return fill
  }

  /** Whether a piece of it was asked for before; remembers that one was. */
  #askedBefore(name: string): boolean {
    const before = this.#pieces.delete(name)
    this.#pieces.add(name)
    if (this.#pieces.size > limits.cachePieces) this.#pieces.delete(this.#pieces.values().next().value!)
    return before
  }

  #changed(name: string): void {
    const opening = this.#openings.get(name)
    if (opening) opening.stale = true
    this.#openings.delete(name)
    this.#fills.get(name)?.discard()
    this.#fills.delete(name)
  }
}

const orCancelled = <T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Cancelled())
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
