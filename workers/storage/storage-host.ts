// The storage worker's work: requests of the session workers go through the fair queue to the stores, answers go back.
//
// Rules: a short object goes back in one message; of a longer one the asker pulls pieces of half of limits.readWindowBytes,
// so a slow reader stops its download. An open read that nobody pulls for limits.slowClientMs is given up, and so are the
// reads and requests of a session worker whose link has closed.

import type { Cost, ObjectReader, ObjectStat, RequestContext, Timers } from '../../runtime/effects.ts'
import { Bug, Cancelled, TempFail } from '../../runtime/errors.ts'
import { packError } from '../../runtime/error-crossing.ts'
import { limits } from '../../runtime/limits.ts'
import { transferred } from '../../runtime/transport.ts'
import type { Asking, Link } from '../../runtime/transport.ts'
import type { OpenStore } from './driver.ts'
import type { FairQueue, Kind, Pace } from './fair-queue.ts'
import { storageChannel } from './messages.ts'
import type { Forget, Hurry, NextRequest, Operation, Piece, ReadAnswer, StoreAnswer, StoreRequest } from './messages.ts'

const pieceBytes = limits.readWindowBytes / 2

const kinds: Record<Operation['op'], Kind> = { read: 'read', stat: 'read', list: 'read', write: 'write', copy: 'copy', delete: 'delete', deleteMany: 'delete' }

/** Uploads of indexes, and what goes with them: nobody waits. (What a client waits for has the client's reason, or is in a hurry.) */
const isBackground = (reason: string): boolean => reason.startsWith('metacache:')

/** A read whose rest waits for its reader. */
interface OpenRead { chunks: AsyncIterator<Uint8Array>; reader: ObjectReader; cost: Cost; disarm(): void }

export class StorageHost {
  readonly #queue: FairQueue
  readonly #timers: Timers
  readonly #open: (spec: string) => OpenStore
  readonly #maxStores: number
  /** Most recently used last. */
  readonly #stores = new Map<string, OpenStore>()
  readonly #links = new Set<Link>()
  readonly #counts: Record<string, number> = { requests: 0 }

  constructor(queue: FairQueue, timers: Timers, open: (spec: string) => OpenStore, maxStores = limits.openStores) {
    this.#queue = queue
    this.#timers = timers
    this.#open = open
    this.#maxStores = maxStores
  }

  /** Totals since the start: requests to stores, and operations by name. */
  get counts(): Record<string, number> { return { ...this.#counts } }
  get links(): Iterable<Link> { return this.#links }
  get openStores(): number { return this.#stores.size }

  /** Serves a session worker until its link closes. */
  serve(link: Link): void {
    const reads = new Map<number, OpenRead>()
    const paces = new Map<number, Pace>()
    const drop = (id: number): void => {
      const read = reads.get(id)
      if (!read) return
      reads.delete(id)
      read.disarm()
      read.reader.cancel()
    }
    this.#links.add(link)
    link.handle(storageChannel, {
      ask: (message: StoreRequest | NextRequest, asking) => ('next' in message ? this.#next(reads, drop, message.next) : this.#paced(paces, message, (pace) => this.#request(reads, drop, message, asking, pace))),
      tell: (message: Forget | Hurry) => {
        if ('forget' in message) drop(message.forget)
        else this.#hurry(paces.get(message.hurry))
      },
    })
    link.onClose(() => {
      this.#links.delete(link)
      for (const id of [...reads.keys()]) drop(id)
    })
  }

  /** Closes every store. */
  close(): void {
    for (const store of this.#stores.values()) store.close()
    this.#stores.clear()
  }

  /** Runs `action` at the pace of a request, which `hurry` may change while it waits. */
  async #paced<T>(paces: Map<number, Pace>, { reason, hurry }: StoreRequest, action: (pace: Pace) => Promise<T>): Promise<T> {
    const pace: Pace = { background: isBackground(reason) && hurry !== true }
    if (typeof hurry !== 'number') return action(pace)
    paces.set(hurry, pace)
    try { return await action(pace) } finally { paces.delete(hurry) }
  }

  #hurry(pace: Pace | undefined): void {
    if (pace === undefined) return
    pace.background = false
    this.#queue.pump()
  }

  async #request(reads: Map<number, OpenRead>, drop: (id: number) => void, request: StoreRequest, asking: Asking, pace: Pace): Promise<unknown> {
    const { spec, user, session, reason, operation } = request
    const cost: Cost = { requests: 0, waitMs: 0 }
    const { signal } = asking
    const context: RequestContext = { user, reason, cost, signal, ...(session === undefined ? {} : { session }) }
    this.#counts[operation.op] = (this.#counts[operation.op] ?? 0) + 1
    try {
      const store = this.#store(spec)
      const value = await this.#queue.run(user, kinds[operation.op], signal, () =>
        operation.op === 'read' ? this.#read(reads, drop, store, operation, context, cost) : perform(store, operation, context), pace)
      return this.#answer(cost, value)
    } catch (error) {
      return this.#failure(cost, error)
    }
  }

  async #read(
    reads: Map<number, OpenRead>, drop: (id: number) => void, store: OpenStore, operation: Operation & { op: 'read' }, context: RequestContext, cost: Cost,
  ): Promise<ReadAnswer> {
    const reader = await store.read(operation.key, context, operation.range)
    try {
      const chunks = reader.body[Symbol.asyncIterator]()
      const piece = await takePiece(chunks)
      if (context.signal?.aborted) throw new Cancelled()
      if (piece.more) {
        if (reads.size >= limits.storageQueue) throw new TempFail('too many objects are being read')
        reads.set(operation.read, { chunks, reader, cost, disarm: this.#watch(drop, operation.read) })
      }
      return { ...piece, stat: statOf(reader) }
    } catch (error) {
      reader.cancel()
      throw error
    }
  }

  async #next(reads: Map<number, OpenRead>, drop: (id: number) => void, id: number): Promise<unknown> {
    const read = reads.get(id)
    if (!read) return this.#failure({ requests: 0, waitMs: 0 }, new TempFail('the object is not being read any more'))
    read.disarm()
    try {
      const piece = await takePiece(read.chunks)
      if (!piece.more) drop(id)
      else read.disarm = this.#watch(drop, id)
      return this.#answer(read.cost, piece)
    } catch (error) {
      drop(id)
      return this.#failure(read.cost, error)
    }
  }

  #watch(drop: (id: number) => void, id: number): () => void {
    return this.#timers.after(limits.slowClientMs, () => drop(id))
  }

  #answer(cost: Cost, value: unknown): unknown {
    const answer: StoreAnswer = { requests: this.#count(cost), value }
    const bytes = (value as Partial<Piece> | undefined)?.bytes
    return bytes ? transferred(answer, [bytes.buffer]) : answer
  }

  #failure(cost: Cost, error: unknown): StoreAnswer {
    return { requests: this.#count(cost), error: packError(error) }
  }

  /** What was asked of the store since the last answer. */
  #count(cost: Cost): number {
    const { requests } = cost
    cost.requests = 0
    this.#counts.requests! += requests
    return requests
  }

  #store(spec: string): OpenStore {
    const store = this.#stores.get(spec) ?? this.#open(spec)
    this.#stores.delete(spec)
    this.#stores.set(spec, store)
    for (const [old, unused] of this.#stores) {
      if (this.#stores.size <= this.#maxStores) break
      this.#stores.delete(old)
      unused.close()
    }
    return store
  }
}

const perform = (store: OpenStore, operation: Operation, context: RequestContext): Promise<unknown> => {
  switch (operation.op) {
    case 'write': {
      const { key, body, op: _, ...options } = operation
      return store.write(key, body, context, options)
    }
    case 'copy': return store.copy(operation.from, operation.to, context, operation.metadata)
    case 'delete': return store.delete(operation.key, context)
    case 'deleteMany': return store.deleteMany(operation.keys, context)
    case 'list': return store.list(operation.prefix, context, operation.options)
    case 'stat': return store.stat(operation.key, context)
    case 'read': throw new Bug('a read is not performed in one step')
  }
}

const statOf = ({ size, modifiedMs, etag, metadata }: ObjectStat): ObjectStat => ({ size, modifiedMs, etag, metadata })

/** Reads up to a piece, into memory of its own that can be moved to another thread. */
const takePiece = async (chunks: AsyncIterator<Uint8Array>): Promise<Piece> => {
  const parts: Uint8Array[] = []
  let size = 0
  let more = true
  while (size < pieceBytes) {
    const { done, value } = await chunks.next()
    if (done) { more = false; break }
    parts.push(value)
    size += value.length
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) { bytes.set(part, at); at += part.length }
  return { bytes, more }
}
