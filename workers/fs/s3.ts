// `s3:https://KEY:SECRET@HOST/PREFIX/?bucket=NAME&region=REGION&…` — S3 and what speaks like it (AWS API reference 2006-03-01).
//
// With bucket= the style is by path (HOST/PATH/BUCKET/key), without it the first label of HOST is the bucket, and PATH
// a prefix of all keys. prefix= is a prefix of all keys in both styles. Signatures are v4; region= is us-east-1 where neither
// it nor an amazonaws.com host says otherwise, until the store names another. signature=v2 is for old stores; without
// region= a store that says it does not know v4 gets v2 by itself. auth_role=ROLE takes the key pair from the instance
// metadata service at auth_host= (169.254.169.254), and needs none in the URL.
//
// Rules: Content-Length always, never aws-chunked (radosgw and Swift refuse it). What a PUT stored is checked by its MD5
// where the ETag is one. Conditional writes carry a mark of their own: a 412 after a lost answer is told from a real one by it.

import { createHash, hash } from 'node:crypto'
import { Buffer } from 'node:buffer'
import type { Body, ByteRange, ListOptions, ListPage, Metadata, ObjectReader, ObjectStat, RequestContext, WriteCondition } from '../../runtime/effects.ts'
import { Bug, ConditionFailed, ConfigError, ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { bodyOf, isShort, joinShort, readerOf } from '../storage/body.ts'
import { driver } from '../storage/driver.ts'
import type { FsWorld, OpenStore } from '../storage/driver.ts'
import { parseHttpUrl } from '../storage/http-url.ts'
import type { Answer } from '../storage/http.ts'
import { checkKey, checkRange, compareKeys, isWhole, pageLimit } from '../storage/keys.ts'
import { fixedCredentials, RoleCredentials } from '../storage/credentials.ts'
import type { CredentialSource } from '../storage/credentials.ts'
import { bodyWithResume } from '../storage/resume.ts'
import type { Source } from '../storage/resume.ts'
import { fromHeaderText, headerText } from '../storage/header-text.ts'
import { HttpRequests } from '../storage/http-requests.ts'
import type { StoreRequest } from '../storage/http-requests.ts'
import { etagOf, S3Dialect } from '../storage/s3-requests.ts'
import type { S3Place } from '../storage/s3-requests.ts'
import { deleteRequest, refusedKeys } from '../storage/s3-delete.ts'
import { pageOfXml } from '../storage/s3-list.ts'
import { encodePath, encodeUri } from '../storage/sigv4.ts'
import { parseXml } from '../storage/xml.ts'

const metaPrefix = 'x-amz-meta-dovecot-'
const markHeader = 'x-amz-meta-culver-write'
/** Deletes one by one (bulk_delete_limit=0) that run at the same time. */
const parallelDeletes = 10

interface S3Url { place: S3Place; prefix: string; role: { name: string; host: { hostname: string; port: number | undefined } } | undefined }

const parse = (text: string): S3Url => {
  const parameters = parseHttpUrl(text, ['bucket', 'region', 'prefix', 'signature', 'auth_role', 'auth_host'])
  const { hostname, path, own, username } = parameters
  const bucket = own.get('bucket')
  if (bucket === '') throw new ConfigError('s3: bucket= is empty')
  const signature = own.get('signature')
  if (signature !== undefined && signature !== 'v2' && signature !== 'v4') throw new ConfigError(`s3: signature=${signature} is neither v2 nor v4`)
  const region = own.get('region') ?? /\bs3[.-]([a-z]+-[a-z-]+-\d+)\.amazonaws\.com/.exec(hostname)?.[1]
  const name = own.get('auth_role')
  if (name !== undefined && (name === '' || username !== '')) throw new ConfigError(name === '' ? 's3: auth_role= is empty' : 's3: either KEY:SECRET or auth_role=, not both')
  return {
    place: {
      parameters, signature, region: region ?? 'us-east-1', regionGiven: region !== undefined,
      bucket: bucket ?? hostname.split('.')[0]!, virtualHost: bucket === undefined,
      base: bucket === undefined ? '/' : encodePath(`${path}${bucket}/`),
    },
    prefix: (bucket === undefined ? path.slice(1) : '') + (own.get('prefix') ?? ''),
    role: name === undefined ? undefined : { name, host: authHost(own.get('auth_host') ?? '169.254.169.254') },
  }
}

const authHost = (text: string): { hostname: string; port: number | undefined } => {
  const match = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text)
  if (!match) throw new ConfigError(`s3: auth_host=${text} is no HOST[:PORT]`)
  return { hostname: match[1]!, port: match[2] === undefined ? undefined : Number(match[2]) }
}

/** A request for an object of the store, or for the bucket. */
type S3Request = Omit<StoreRequest, 'path'>

class S3Store implements OpenStore {
  readonly conditionalWrites = true
  readonly #place: S3Place
  readonly #prefix: string
  readonly #world: FsWorld
  readonly #requests: HttpRequests
  readonly #credentials: CredentialSource | undefined
  /** How this store wants the ETag of If-Match: AWS takes both, older radosgw compares the quotes too. Unknown until one worked. */
  #quoteEtag: boolean | undefined

  constructor({ place, prefix, role }: S3Url, world: FsWorld) {
    this.#place = place
    this.#prefix = prefix
    this.#world = world
    const { username: accessKey, password: secretKey } = place.parameters
    this.#credentials = role ? new RoleCredentials(role.name, role.host, world) : accessKey === '' ? undefined : fixedCredentials({ accessKey, secretKey })
    this.#requests = new HttpRequests(place.parameters, new S3Dialect(place, this.#credentials, world), world)
  }

  async read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> {
    checkKey(key)
    if (range) checkRange(range)
    const get = (from: number, to: number | undefined): Promise<Answer> => this.#send({
      method: 'GET', key: this.#prefix + key, context,
      headers: from === 0 && to === undefined ? {} : { range: `bytes=${from}-${to === undefined ? '' : to - 1}` },
    }).catch(this.#named(key))
    const answer = await get(range?.start ?? 0, range?.end)
    const part = answer.status === 206 ? /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.headers['content-range'] ?? '') : undefined
    if ((range && !isWhole(range) && !part) || answer.headers['content-length'] === undefined) {
      answer.discard()
      throw new TempFail(`GET ${key}: the store does not answer ranges, or no length`)
    }
    const stat = statOf(answer, part ? Number(part[3]) : undefined)
    const start = part ? Number(part[1]) : 0
    const end = part ? Number(part[2]) + 1 : stat.size
    const maxRetries = this.#place.parameters.maxRetries.read
    const body = bodyWithResume({ key, start, end, etag: stat.etag, source: sourceOf(answer), again: async (from, to) => sourceOf(await get(from, to)), maxRetries, world: this.#world, signal: context.signal })
    return readerOf(stat, body.chunks, body.release)
  }

  async write(key: string, body: Body, context: RequestContext, options: { metadata?: Metadata; condition?: WriteCondition } = {}): Promise<{ etag: string }> {
    checkKey(key)
    const headers = { 'content-type': 'application/octet-stream', ...metadataHeaders(options.metadata ?? {}) }
    const { condition } = options
    if (!condition) return this.#put(key, body, context, headers)
    const mark = Buffer.from(this.#world.random.bytes(12)).toString('hex')
    const marked = { ...headers, [markHeader]: mark }
    if ('ifAbsent' in condition) return this.#putIf(key, body, context, { ...marked, 'if-none-match': '*' }, mark)
    const quotes = this.#quoteEtag === undefined ? [true, false] : [this.#quoteEtag]
    for (const quoted of quotes) {
      try {
        const written = await this.#putIf(key, body, context, { ...marked, 'if-match': quoted ? `"${condition.ifMatch}"` : condition.ifMatch }, mark)
        this.#quoteEtag = quoted
        return written
      } catch (error) {
        // AWS and radosgw answer 404 where there is nothing to match.
        if (!(error instanceof ConditionFailed || error instanceof ObjectNotFound)) throw error
      }
    }
    throw new ConditionFailed(key)
  }

  async copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> {
    checkKey(from)
    checkKey(to)
    const { bucket } = this.#place
    const replaced = metadata && { 'x-amz-metadata-directive': 'REPLACE', 'content-type': 'application/octet-stream', ...metadataHeaders(metadata) }
    await this.#send({
      method: 'PUT', key: this.#prefix + to, context,
      headers: { 'x-amz-copy-source': `/${encodeUri(bucket)}/${encodePath(this.#prefix + from)}`, ...replaced },
      // A copy can fail after its 200 was sent.
      accept: async (answer) => {
        const result = parseXml(await answer.text(limits.httpErrorBytes))
        return result?.name === 'CopyObjectResult' ? undefined : 'the copy was not finished'
      },
    }).catch(this.#named(from))
  }

  async delete(key: string, context: RequestContext): Promise<void> {
    checkKey(key)
    try {
      const answer = await this.#send({ method: 'DELETE', key: this.#prefix + key, context })
      answer.drain()
    } catch (error) {
      if (!(error instanceof ObjectNotFound)) throw error
    }
  }

  async deleteMany(keys: string[], context: RequestContext): Promise<string[]> {
    keys.forEach(checkKey)
    const batch = Math.min(this.#place.parameters.bulkDeleteLimit, limits.bulkDeleteKeys)
    const failed: string[] = []
    if (batch === 0) {
      const left = keys.values()
      await Promise.all(Array.from({ length: parallelDeletes }, async () => {
        for (const key of left) await this.delete(key, context).catch((error: unknown) => { if (error instanceof TempFail) failed.push(key); else throw error })
      }))
      return failed
    }
    for (let at = 0; at < keys.length; at += batch) failed.push(...await this.#deleteBatch(keys.slice(at, at + batch), context))
    return failed
  }

  async list(prefix: string, context: RequestContext, options: ListOptions = {}): Promise<ListPage> {
    const { after, delimiter } = options
    const query: [string, string][] = [
      ['list-type', '2'], ['encoding-type', 'url'], ['max-keys', String(pageLimit(options))], ['prefix', this.#prefix + prefix],
    ]
    if (delimiter) query.push(['delimiter', delimiter])
    // Behind a common prefix lies everything behind the greatest key beneath it.
    if (after !== undefined) query.push(['start-after', this.#prefix + after + (delimiter && after.endsWith(delimiter) ? '\u{10ffff}' : '')])
    let page: ListPage | undefined
    await this.#send({
      method: 'GET', query, context,
      accept: async (answer) => {
        page = pageOfXml(await answer.text(limits.httpListBytes), this.#prefix.length)
        return page ? undefined : 'the listing cannot be read'
      },
    })
    if (!page) throw new Bug('a listing was accepted and is not there')
    page.objects.sort((a, b) => compareKeys(a.key, b.key))
    return page
  }

  async stat(key: string, context: RequestContext): Promise<ObjectStat> {
    checkKey(key)
    try {
      const answer = await this.#send({ method: 'HEAD', key: this.#prefix + key, context })
      answer.drain()
      return statOf(answer, undefined)
    } catch (error) {
      if (!(error instanceof ObjectNotFound)) throw error
      // A HEAD cannot say whether the object is missing or the bucket; a GET says it.
      const reader = await this.read(key, context)
      reader.cancel()
      return reader
    }
  }

  close(): void {
    this.#requests.close()
    this.#credentials?.close()
  }

  #send(request: S3Request): Promise<Answer> {
    return this.#requests.send({ ...request, path: this.#place.base + (request.key === undefined ? '' : encodePath(request.key)) })
  }

  async #put(key: string, body: Body, context: RequestContext, headers: Record<string, string>, onUncertain?: () => void): Promise<{ etag: string }> {
    const md5 = isShort(body) ? hash('md5', joinShort(body), 'buffer') : undefined
    const answer = await this.#send({
      method: 'PUT', key: this.#prefix + key, body, context, headers: md5 ? { ...headers, 'content-md5': md5.toString('base64') } : headers,
      ...(md5 ? { bodyMd5: md5.toString('hex') } : {}),
      ...(onUncertain ? { onUncertain } : {}),
      accept: (answer, hash) => {
        const etag = etagOf(answer)
        const encrypted = !['', 'AES256'].includes(answer.headers['x-amz-server-side-encryption'] ?? '')
        const other = /^[0-9a-f]{32}$/.test(etag) && !encrypted && etag !== hash
        if (other) answer.discard()
        return other ? 'the store has received other bytes than were sent (ETag)' : undefined
      },
    }).catch(this.#named(key))
    answer.drain()
    return { etag: etagOf(answer) }
  }

  /** A conditional PUT. Where an attempt's answer was lost, a 412 may be our own write seen again: the mark tells. */
  async #putIf(key: string, body: Body, context: RequestContext, headers: Record<string, string>, mark: string): Promise<{ etag: string }> {
    let uncertain = false
    try {
      return await this.#put(key, body, context, headers, () => { uncertain = true })
    } catch (error) {
      if (!(error instanceof ConditionFailed) || !uncertain) throw error
      const answer = await this.#send({ method: 'HEAD', key: this.#prefix + key, context }).catch(() => undefined)
      answer?.drain()
      if (answer?.headers[markHeader] !== mark) throw error
      return { etag: etagOf(answer) }
    }
  }

  async #deleteBatch(keys: string[], context: RequestContext): Promise<string[]> {
    const xml = Buffer.from(deleteRequest(keys.map((key) => this.#prefix + key)))
    let refused: string[] | undefined
    await this.#send({
      method: 'POST', kind: 'delete', query: [['delete', '']], context, body: bodyOf(xml),
      headers: { 'content-type': 'application/xml', 'content-md5': createHash('md5').update(xml).digest('base64') },
      accept: async (answer) => {
        refused = refusedKeys(await answer.text(limits.httpListBytes))
        return refused ? undefined : 'the answer to a bulk delete cannot be read'
      },
    })
    return (refused ?? []).map((key) => key.slice(this.#prefix.length))
  }

  /** Errors name the key as the caller knows it. */
  #named(key: string): (error: unknown) => never {
    return (error) => {
      if (error instanceof ObjectNotFound) throw new ObjectNotFound(key)
      if (error instanceof ConditionFailed) throw new ConditionFailed(key)
      throw error
    }
  }
}

const sourceOf = (answer: Answer): Source => ({ etag: etagOf(answer), chunks: answer.chunks, drain: answer.drain, discard: answer.discard })

const metadataHeaders = (metadata: Metadata): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => {
    if (!/^[a-z0-9-]+$/.test(key)) throw new Bug(`not a metadata key: ${key}`)
    return [metaPrefix + key, headerText(value)]
  }))

const statOf = (answer: Answer, size: number | undefined): ObjectStat => ({
  size: size ?? Number(answer.headers['content-length']),
  modifiedMs: Date.parse(answer.headers['last-modified'] ?? '') || 0,
  etag: etagOf(answer),
  metadata: Object.fromEntries(Object.entries(answer.headers)
    .filter(([name]) => name.startsWith(metaPrefix))
    .map(([name, value]) => [name.slice(metaPrefix.length), fromHeaderText(value)])),
})

export default driver({
  name: 's3',
  form: 's3:https://KEY:SECRET@HOST/?bucket=NAME&…',
  open: (text: string, world: FsWorld): OpenStore => new S3Store(parse(text), world),
})
