// `scality:http://[USER:PASSWORD@]HOST/PATH/?…` — objects in a CDMI store, by path (CDMI 1.0.2, ISO/IEC 17826:2012).
//
// PATH is a container that exists; those below it are made when a write finds them missing, and never removed (DELETE of a
// container takes its children along). A write is one PUT of the CDMI content type: value in base64, and metadata. Of a
// whole object a read is one GET of that type; a range, and the rest of a read that broke off, is a plain GET with Range.
//
// What CDMI does not have: conditional writes (conditionalWrites is false); sizes, dates and ETags in listings (0, the
// time of the listing, ''); bulk deletes and links. Scality's own forms of the last two are not public: single
// requests are made in their place, so many at a time as bulk_delete_limit says, at most ten.

import { Buffer } from 'node:buffer'
import type { Body, ByteRange, ListOptions, ListPage, Metadata, ObjectReader, ObjectStat, RequestContext, WriteCondition } from '../../runtime/effects.ts'
import { Bug, messageOf, ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { readerOf } from '../storage/body.ts'
import { ChildrenCache, keysBelow } from '../storage/cdmi-names.ts'
import { jsonOf, metadataOf, openValue, statOfJson, uploadOf } from '../storage/cdmi-object.ts'
import { CdmiDialect, ContainerExists, containerType, objectType, ParentsMissing, version } from '../storage/cdmi-requests.ts'
import type { CdmiRequest } from '../storage/cdmi-requests.ts'
import { driver } from '../storage/driver.ts'
import type { FsWorld, OpenStore } from '../storage/driver.ts'
import { parseHttpUrl } from '../storage/http-url.ts'
import type { HttpParameters } from '../storage/http-url.ts'
import { HttpRequests, shortText } from '../storage/http-requests.ts'
import { checkKey, checkRange, isWhole, pageOf } from '../storage/keys.ts'
import { bodyWithResume } from '../storage/resume.ts'
import type { Source } from '../storage/resume.ts'
import { encodePath } from '../storage/sigv4.ts'

const parallelDeletes = 10
/** The container of the URL, once seen, is taken to be there for this long (ms). */
const seenMs = 30_000

class ScalityStore implements OpenStore {
  readonly conditionalWrites = false
  readonly #parameters: HttpParameters
  readonly #world: FsWorld
  readonly #requests: HttpRequests
  readonly #base: string
  readonly #children: ChildrenCache
  #seenAt = -Infinity

  constructor(parameters: HttpParameters, world: FsWorld) {
    this.#parameters = parameters
    this.#world = world
    this.#base = encodePath(parameters.path)
    this.#requests = new HttpRequests(parameters, new CdmiDialect(parameters), world)
    this.#children = new ChildrenCache(() => world.clock.monotonic())
    for (const name of ['preserve_objectid_prefix', 'use_listing']) {
      if (parameters.own.has(name)) world.emit({ level: 'warning', name: 'storage.parameter', text: `scality: ${name}= has no effect: objects are named by path, and listed by the standard's means` })
    }
  }

  async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    checkKey(key)
    if (range) checkRange(range)
    return this.#orAbsent(key, context, async () => {
      const again = async (from: number, to: number): Promise<Source> => (await this.#part(key, context, from, to)).source
      const whole = range && !isWhole(range) ? undefined : await this.#whole(key, context)
      const { stat, start, end, source } = whole ?? await this.#part(key, context, range?.start ?? 0, range?.end ?? Infinity)
      const body = bodyWithResume({ key, start, end, etag: stat.etag, source, again, maxRetries: this.#parameters.maxRetries.read, world: this.#world, signal: context.signal })
      return readerOf(stat, body.chunks, body.release)
    })
  }

  async write(key: string, body: Body, context: RequestContext, options: { metadata?: Metadata; condition?: WriteCondition } = {}): Promise<{ etag: string }> {
    checkKey(key)
    if (options.condition) throw new Bug('CDMI has no conditional writes')
    const etag = this.#mark()
    const upload = uploadOf(body, metadataOf(options.metadata ?? {}, etag))
    await this.#put(key, context, { upload }, body.size)
    return { etag }
  }

  async copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> {
    checkKey(from)
    checkKey(to)
    const source = `${this.#base}${encodePath(from)}`
    const json = Buffer.from(JSON.stringify({ ...(metadata ? { metadata: metadataOf(metadata, this.#mark()) } : {}), copy: source }))
    await this.#put(to, context, { body: { size: json.length, parts: [json] } }, undefined, () => this.stat(from, context))
  }

  async delete(key: string, context: RequestContext): Promise<void> {
    checkKey(key)
    try {
      const answer = await this.#orAbsent(key, context, () => this.#requests.send({ method: 'DELETE', key, path: this.#base + encodePath(key), headers: version, context }))
      answer.drain()
    } catch (error) {
      if (!(error instanceof ObjectNotFound)) throw error
    }
  }

  async deleteMany(keys: string[], context: RequestContext): Promise<string[]> {
    keys.forEach(checkKey)
    const failed: string[] = []
    const left = keys.values()
    const atOnce = Math.min(this.#parameters.bulkDeleteLimit || parallelDeletes, parallelDeletes)
    await Promise.all(Array.from({ length: atOnce }, async () => {
      for (const key of left) await this.delete(key, context).catch((error: unknown) => { if (error instanceof TempFail) failed.push(key); else throw error })
    }))
    return failed
  }

  async list(prefix: string, context: RequestContext, options: ListOptions = {}): Promise<ListPage> {
    const now = this.#world.clock.now()
    const children = (container: string): Promise<string[]> =>
      this.#children.children(container, () => this.#read(container, context), options.after === undefined)
    return pageOf(keysBelow(children, prefix, options), prefix, options, (key) => ({ key, size: 0, modifiedMs: now, etag: '' }))
  }

  async stat(key: string, context: RequestContext): Promise<ObjectStat> {
    checkKey(key)
    return this.#orAbsent(key, context, () => this.#stat(key, context))
  }

  close(): void { this.#requests.close() }

  #mark(): string { return Buffer.from(this.#world.random.bytes(16)).toString('hex') }

  async #stat(key: string, context: RequestContext): Promise<ObjectStat> {
    const answer = await this.#requests.send({
      method: 'GET', key, path: this.#base + encodePath(key), rawQuery: 'objectID;metadata;valuerange', headers: { accept: objectType, ...version }, context,
    })
    const object = jsonOf(await shortText(answer))
    const stat = object && !String(object.objectType ?? '').includes('container') ? statOfJson(object) : undefined
    if (!stat) throw new TempFail(`GET ${key}: the store does not tell its size`)
    return stat
  }

  /** A whole object in one request; undefined where the store's answer cannot be streamed. */
  async #whole(key: string, context: RequestContext): Promise<Part | undefined> {
    const answer = await this.#requests.send({
      method: 'GET', key, path: this.#base + encodePath(key), rawQuery: 'objectID;metadata;valuetransferencoding;valuerange;value',
      headers: { accept: objectType, ...version }, context,
    })
    if (!(answer.headers['content-type'] ?? '').startsWith(objectType)) { answer.discard(); return undefined }
    const opened = await openValue(answer).catch((error: unknown) => { answer.discard(); throw new TempFail(`GET ${key}: ${messageOf(error)}`) })
    if (!opened) return undefined
    const { stat, chunks } = opened
    return { stat, start: 0, end: stat.size, source: { etag: stat.etag, chunks: () => chunks, drain: answer.drain, discard: answer.discard } }
  }

  /** Bytes of an object as plain HTTP has them, and what CDMI says of it. */
  async #part(key: string, context: RequestContext, start: number, end: number): Promise<Part> {
    const stat = await this.#stat(key, context)
    const last = Math.min(end, stat.size)
    if (start >= stat.size && stat.size > 0) throw new ObjectNotFound(`${key} (bytes from ${start}, it has ${stat.size})`)
    const whole = start === 0 && last === stat.size
    const answer = await this.#requests.send({
      method: 'GET', key, path: this.#base + encodePath(key), headers: whole ? {} : { range: `bytes=${start}-${last - 1}` }, context,
    })
    const fits = whole ? answer.status === 200 : answer.headers['content-range']?.startsWith(`bytes ${start}-${last - 1}/`) && answer.status === 206
    if (!fits) { answer.discard(); throw new TempFail(`GET ${key}: the store does not answer ranges`) }
    return { stat, start, end: last, source: { etag: stat.etag, chunks: answer.chunks, drain: answer.drain, discard: answer.discard } }
  }

  /** A PUT of the CDMI type; the containers above are made where they turn out to be missing. */
  async #put(key: string, context: RequestContext, content: Pick<CdmiRequest, 'body' | 'upload'>, size: number | undefined, onMissing?: () => Promise<unknown>): Promise<void> {
    const request: CdmiRequest = {
      method: 'PUT', key, path: this.#base + encodePath(key), headers: { accept: objectType, 'content-type': objectType, ...version }, context, ...content,
      accept: async (answer) => {
        const { completionStatus = 'Complete', metadata } = (jsonOf(await shortText(answer)) ?? {}) as { completionStatus?: unknown; metadata?: { cdmi_size?: unknown } }
        if (completionStatus !== 'Complete') return `the write is not complete (${String(completionStatus).slice(0, 100)})`
        const stored = metadata?.cdmi_size
        return size !== undefined && stored !== undefined && Number(stored) !== size ? `the store has ${String(stored)} bytes of ${size}` : undefined
      },
    }
    try {
      await this.#requests.send({ ...request, mayLackParents: true } as CdmiRequest)
    } catch (error) {
      if (!(error instanceof ParentsMissing)) throw error
      await onMissing?.()
      await this.#makeParents(key, context)
      await this.#requests.send(request)
    }
  }

  /** Makes the containers above `key`, from the nearest that is missing. */
  async #makeParents(key: string, context: RequestContext): Promise<void> {
    const levels = key.split('/').slice(0, -1)
    const make = async (depth: number): Promise<void> => {
      if (depth === 0) throw new TempFail(`the container ${this.#parameters.path} of the storage URL is not there`)
      const path = `${this.#base}${encodePath(levels.slice(0, depth).join('/'))}/`
      const body = Buffer.from('{}')
      const request: CdmiRequest = {
        method: 'PUT', key: `${levels.slice(0, depth).join('/')}/`, path, headers: { accept: containerType, 'content-type': containerType, ...version },
        body: { size: body.length, parts: [body] }, context, makesContainer: true,
      }
      const put = async (): Promise<void> => {
        try {
          (await this.#requests.send(request)).drain()
        } catch (error) {
          if (!(error instanceof ContainerExists)) throw error
        }
      }
      try {
        await put()
      } catch (error) {
        if (!(error instanceof ParentsMissing)) throw error
        await make(depth - 1)
        await put()
      }
    }
    if (levels.length > 0) await make(levels.length)
  }

  /** The names in a container, as they come. */
  async #read(container: string, context: RequestContext): Promise<string[]> {
    const names: string[] = []
    for (let from = 0; ; from += limits.listPage) {
      const page = await this.#page(container, from, context)
      for (const name of page) {
        // References end in '?', and cdmi_… belongs to the store.
        if (!name.endsWith('?') && !name.startsWith('cdmi_')) names.push(unescaped(name))
      }
      if (page.length < limits.listPage || names.length > limits.cdmiChildren) return names
    }
  }

  async #page(container: string, from: number, context: RequestContext): Promise<string[]> {
    try {
      return await this.#orAbsent(container, context, async () => {
        const answer = await this.#requests.send({
          method: 'GET', key: container, path: this.#base + encodePath(container), rawQuery: `childrenrange;children:${from}-${from + limits.listPage - 1}`,
          headers: { accept: containerType, ...version }, context,
        })
        const children = jsonOf(await answer.text(limits.httpListBytes))?.children
        if (!Array.isArray(children) || !children.every((name): name is string => typeof name === 'string')) throw new TempFail(`the listing of ${container} cannot be read`)
        return children
      })
    } catch (error) {
      if (error instanceof ObjectNotFound) return []
      throw error
    }
  }

  /** Believes "not there" only while the container of the URL is. */
  async #orAbsent<T>(key: string, context: RequestContext, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      if (!(error instanceof ObjectNotFound)) throw error
      const now = this.#world.clock.monotonic()
      if (now - this.#seenAt < seenMs) throw error
      await this.#requests.send({ method: 'GET', key, path: this.#base, rawQuery: 'objectType', headers: { accept: containerType, ...version }, context })
        .then((answer) => answer.drain())
        .catch((failure: unknown) => { throw failure instanceof ObjectNotFound ? new TempFail(`the container ${this.#parameters.path} of the storage URL is not there`) : failure })
      this.#seenAt = now
      throw error
    }
  }
}

interface Part { stat: ObjectStat; start: number; end: number; source: Source }

const unescaped = (name: string): string => {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

export default driver({
  name: 'scality',
  form: 'scality:http://[USER:PASSWORD@]HOST/PATH/?…',
  open: (text: string, world: FsWorld): OpenStore => new ScalityStore(parseHttpUrl(text, ['preserve_objectid_prefix', 'use_listing']), world),
})
