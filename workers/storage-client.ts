// The sessions' end of the storage worker: an ObjectStore whose every operation is a request to that thread.
//
// Rules: bytes given to `write` stay the caller's, they are copied once on their way. When the storage worker dies every
// request fails with TempFail at once, and the next one takes the new link. What an operation cost is added to its context.

import type { Body, ByteRange, Cost, ListOptions, ListPage, Metadata, ObjectReader, ObjectStat, ObjectStore, RequestContext, WriteCondition } from '../runtime/effects.ts'
import { unpackError } from '../runtime/error-crossing.ts'
import { limits } from '../runtime/limits.ts'
import { realClock } from '../runtime/real-effects.ts'
import type { Link } from '../runtime/transport.ts'
import { movable, readerOf } from './storage/body.ts'
import { honoursConditions } from './storage/conditions.ts'
import { storageChannel } from './storage/messages.ts'
import type { Forget, Hurry, NextRequest, Operation, Piece, ReadAnswer, StoreAnswer, StoreRequest } from './storage/messages.ts'

/**
 * Answers a function that opens the store of a configured string. `link` gives the current link to the storage worker of a user;
 * `honest`: the probe at start has found no store that lies about conditions (storage/probe.ts).
 */
export const openStorageClient = (link: (user: string) => Link, honest = true): ((spec: string) => ObjectStore) => (spec) => new StorageClient(spec, link, honest)

/** Names of reads, and of what may come to be in a hurry, are unique in this thread, whichever link they go over. */
let lastRead = 0
let lastHurry = 0

class StorageClient implements ObjectStore {
  readonly conditionalWrites: boolean
  readonly #spec: string
  readonly #link: (user: string) => Link

  constructor(spec: string, link: (user: string) => Link, honest: boolean) {
    this.#spec = spec
    this.#link = link
    this.conditionalWrites = honest && honoursConditions(spec)
  }

  async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    const link = this.#link(context.user)
    const read = ++lastRead
    const forget = (): void => link.tell(storageChannel, { forget: read } satisfies Forget)
    try {
      const first = await this.#ask<ReadAnswer>(link, { op: 'read', key, read, ...(range ? { range } : {}) }, context)
      const chunks = pieces(first, () => exchange<Piece>(link, { next: read }, context), context.cost)
      return readerOf(first.stat, chunks, first.more ? forget : undefined)
    } catch (error) {
      forget()
      throw error
    }
  }

  async write(key: string, body: Body, context: RequestContext, options: { metadata?: Metadata; condition?: WriteCondition } = {}): Promise<{ etag: string }> {
    const moved = movable(body)
    return this.#ask(this.#link(context.user), { op: 'write', key, body: moved.body, ...options }, context, moved.transfer)
  }

  copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> {
    return this.#ask(this.#link(context.user), { op: 'copy', from, to, ...(metadata ? { metadata } : {}) }, context)
  }

  delete(key: string, context: RequestContext): Promise<void> {
    return this.#ask(this.#link(context.user), { op: 'delete', key }, context)
  }

  deleteMany(keys: string[], context: RequestContext): Promise<string[]> {
    return this.#ask(this.#link(context.user), { op: 'deleteMany', keys }, context)
  }

  list(prefix: string, context: RequestContext, options?: ListOptions): Promise<ListPage> {
    return this.#ask(this.#link(context.user), { op: 'list', prefix, ...(options ? { options } : {}) }, context)
  }

  stat(key: string, context: RequestContext): Promise<ObjectStat> {
    return this.#ask(this.#link(context.user), { op: 'stat', key }, context)
  }

  #ask<Value>(link: Link, operation: Operation, context: RequestContext, transfer?: readonly unknown[]): Promise<Value> {
    const { user, session, reason, hurry } = context
    const request: StoreRequest = { spec: this.#spec, user, reason, operation, ...(session === undefined ? {} : { session }) }
    if (hurry === undefined) return waiting(exchange(link, request, context, transfer), context.cost)
    const name = ++lastHurry
    const tell = (): void => { link.tell(storageChannel, { hurry: name } satisfies Hurry) }
    hurry.addEventListener('abort', tell)
    return waiting(exchange<Value>(link, { ...request, hurry: hurry.aborted || name }, context, transfer), context.cost)
      .finally(() => { hurry.removeEventListener('abort', tell) })
  }
}

const exchange = async <Value>(link: Link, request: StoreRequest | NextRequest, { cost, signal }: RequestContext, transfer?: readonly unknown[]): Promise<Value> => {
  const answer = await link.ask<StoreAnswer<Value>>(storageChannel, request, {
    deadlineMs: limits.storageAskMs, ...(transfer ? { transfer } : {}), ...(signal ? { signal } : {}),
  })
  if (cost) cost.requests += answer.requests
  if ('error' in answer) throw unpackError(answer.error)
  return answer.value
}

/** Adds the time until `promise` settles to what the command has waited for storage. */
const waiting = async <Value>(promise: Promise<Value>, cost: Cost | undefined): Promise<Value> => {
  const began = realClock.monotonic()
  try {
    return await promise
  } finally {
    if (cost) cost.waitMs += realClock.monotonic() - began
  }
}

/** The bytes of a read, the next piece always being fetched while one is consumed. */
async function* pieces(first: Piece, next: () => Promise<Piece>, cost: Cost | undefined): AsyncGenerator<Uint8Array> {
  for (let piece = first; ;) {
    const following = piece.more ? next() : undefined
    following?.catch(() => {})
    if (piece.bytes.length > 0) yield piece.bytes
    if (!following) return
    piece = await waiting(following, cost)
  }
}
