// Reads messages of a mailbox: their bytes from the objects, their summaries from the message cache (from the object where
// the cache lacks them, and into the cache then).

import type { ByteRange } from '../../runtime/effects.ts'
import { Bug, Cancelled, TempFail } from '../../runtime/errors.ts'
import { LineEndings } from '../mail/line-endings.ts'
import { MessageParser } from '../mail/message-parser.ts'
import { EncodedHead, decodeSummary, encodeSummary } from '../mail/summary.ts'
import type { Summary, SummaryHead } from '../mail/types.ts'
import { MailError } from './errors.ts'
import type { LoadedMailbox } from './mailbox.ts'
import type { CachePlace } from './cache-record.ts'
import type { CacheRun } from './cache-scan.ts'
import { emptyLines, missingObject } from './missing-object.ts'
import { parseOid } from './object-names.ts'
import type { MessageHead, ReadContext } from './types.ts'

/** `lost`: its object is not there, and the summary is that of what stands for it. */
interface Read { summary: Summary; lost: boolean }

export class MessageReader {
  readonly #mailbox: LoadedMailbox
  /** Decoded summaries, the latest used last. */
  readonly #recent = new Map<number, Summary>()
  /** Being read now, by UID. */
  readonly #reading = new Map<number, Promise<Read>>()
  /** The same for those to whom a lost mail is an empty one. */
  readonly #readingLost = new Map<number, Promise<Read>>()

  constructor(mailbox: LoadedMailbox) { this.#mailbox = mailbox }

  /** EXPUNGEISSUED if the message is gone. Who asks while it is being read shares that. */
  async summary(context: ReadContext, uid: number): Promise<Summary> {
    this.#row(uid)
    const known = this.#recent.get(uid)
    if (known !== undefined) return this.#remember(uid, known)
    const reading = context.lostAsEmpty === true ? this.#readingLost : this.#reading
    const others = reading.get(uid)
    if (others === undefined) {
      const mine = this.#load(context, uid).finally(() => { reading.delete(uid) })
      reading.set(uid, mine)
      const { summary, lost } = await mine
      // Its object may come back.
      return lost ? summary : this.#remember(uid, summary)
    }
    try {
      return (await others).summary
    } catch (error) {
      // Who began it has gone away: that is no reason for this one to go without.
      if (error instanceof Cancelled && context.signal?.aborted !== true) return this.summary(context, uid)
      throw error
    }
  }

  /** See Mailbox.heads. */
  async *heads(uids: ArrayLike<number>): AsyncGenerator<Iterable<MessageHead>> {
    for await (const run of this.#mailbox.cache.scan(uids, this.#mailbox.state.columns)) yield new Heads(run)
  }

  /** The bytes in [start, end) of the CRLF form. */
  async read(context: ReadContext, uid: number, range: ByteRange = { start: 0 }): Promise<AsyncIterable<Uint8Array>> { return (await this.#open(context, uid, range)).body }

  /** `lost`: the object is not there, and the bytes stand for it. */
  async #open(context: ReadContext, uid: number, range: ByteRange): Promise<{ body: AsyncIterable<Uint8Array>; lost: boolean }> {
    const { state, world, guid } = this.#mailbox
    const row = this.#row(uid)
    const oid = state.oidOf(row)
    const size = state.columns.sizes[row]!
    const start = Math.min(range.start, size)
    const end = Math.min(range.end ?? size, size)
    if (start >= end) return { body: nothing(), lost: false }
    const name = parseOid(oid)
    const crlf = name !== undefined && name !== 'foreign' && name.crlf
    try {
      if (!crlf) return { body: slice(toCrlf((await world.obox.read(context, guid, oid)).body), start, end), lost: false }
      const whole = start === 0 && end === size
      return { body: exactly(end - start, oid, (await world.obox.read(context, guid, oid, whole ? undefined : { start, end })).body), lost: false }
    } catch (error) {
      const outcome = await missingObject(this.#mailbox, context, uid, error)
      if (outcome !== 'empty') throw outcome.error
      return { body: emptyLines({ start, end }, size, world.limits.spoolBatchBytes), lost: true }
    }
  }

  #row(uid: number): number {
    const row = this.#mailbox.state.columns.rowOf(uid)
    if (row < 0) throw new MailError('EXPUNGEISSUED', 'The message has been expunged')
    return row
  }

  async #load(context: ReadContext, uid: number): Promise<Read> {
    const { columns } = this.#mailbox.state
    const row = this.#row(uid)
    const cached = await this.#cached(uid, { offset: columns.cacheOffsets[row]!, length: columns.cacheLengths[row]! })
    if (cached !== undefined) return { summary: cached, lost: false }
    const parser = new MessageParser()
    const { body, lost } = await this.#open(context, uid, { start: 0 })
    for await (const chunk of body) parser.push(chunk)
    const summary = parser.finish()
    if (lost) return { summary, lost }
    const place = await this.#mailbox.cache.append(uid, encodeSummary(summary))
    if (place.length > 0 && !this.#mailbox.gone) this.#mailbox.commit({ kind: 'cached', uid, ...place }).catch(() => {})
    return { summary, lost }
  }

  async #cached(uid: number, place: CachePlace): Promise<Summary | undefined> {
    const bytes = await this.#mailbox.cache.read(uid, place)
    return bytes && decodedOrNone(() => decodeSummary(bytes))
  }

  #remember(uid: number, summary: Summary): Summary {
    this.#recent.delete(uid)
    this.#recent.set(uid, summary)
    if (this.#recent.size > this.#mailbox.world.limits.decodedSummaries) this.#recent.delete(this.#recent.keys().next().value!)
    return summary
  }
}

/** The heads of a run of records, one object for all of them. */
class Heads implements MessageHead, Iterable<MessageHead>, Iterator<MessageHead> {
  readonly #run: CacheRun
  readonly #encoded: EncodedHead
  readonly #result = { done: false as const, value: this }
  uid = 0
  head: SummaryHead | undefined

  constructor(run: CacheRun) {
    this.#run = run
    this.#encoded = new EncodedHead(run.bytes)
  }

  [Symbol.iterator](): this { return this }

  next(): IteratorResult<MessageHead, undefined> {
    const run = this.#run
    if (!run.next()) return { done: true, value: undefined }
    this.uid = run.uid
    this.head = run.end > 0 && this.#encoded.at(run.start, run.end) ? this.#encoded : undefined
    return this.#result
  }
}

/** None if another version wrote it: the object is read again. */
function decodedOrNone<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof Bug) return undefined
    throw error
  }
}

/** The body, if it has as many bytes as it must have: a client has been told how many will come. */
async function* exactly(size: number, oid: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = size
  for await (const chunk of body) {
    left -= chunk.length
    if (left < 0) break
    yield chunk
  }
  if (left !== 0) throw new TempFail(`${oid} has ${left > 0 ? 'fewer' : 'more'} than ${size} bytes`)
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** The CRLF form of an object that another server saved. */
export async function* toCrlf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const lines = new LineEndings()
  for await (const chunk of body) yield lines.push(chunk)
}

async function* slice(body: AsyncIterable<Uint8Array>, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of body) {
    const from = Math.max(0, start - at)
    const to = Math.min(chunk.length, end - at)
    if (from < to) yield chunk.subarray(from, to)
    at += chunk.length
    if (at >= end) return
  }
}
