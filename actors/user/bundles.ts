// Index bundles of one place in the store (`…/idx/`): written under new names, read newest first, old ones removed.
// What is in a bundle is its owner's business (mailbox-bundle.ts), and which bundles belong together bundle-chain.ts's.
//
// The newest, the head, lies under a key of its own, `…/idx/head`, and is replaced by the next one: it is found without a listing,
// which may not know yet what came last. Its name, and those of the bundles it is upon, are in its metadata. It is replaced only on
// the condition that it is what its writer knows: nobody destroys what another backend has written.
//
// Where the store holds no conditions there is no head: every bundle has a key by its name, and the newest is found by listing.

import type { Body, Metadata, ObjectInfo, ObjectReader, ObjectStore, RequestContext } from '../../runtime/effects.ts'
import { ObjectNotFound } from '../../runtime/errors.ts'
import { bytesOf, wholeBody } from './whole-body.ts'
import { isBundleName, isHead } from './object-names.ts'

/** What can be known of a head without its body. `tag` changes with every write; `below`: the bundles it is upon, the base first. */
export interface HeadFacts { name: string; tag: string; below: string[]; /** UIDs below may have been given out, as of any bundle; 0: it does not say. */ ceiling: number }

export class Bundles {
  readonly #store: ObjectStore
  readonly #prefix: string
  readonly #username: string

  /** `prefix` ends in `idx/`. */
  constructor(store: ObjectStore, prefix: string, username: string) {
    this.#store = store
    this.#prefix = prefix
    this.#username = username
  }

  /** Whether the newest bundle is to be a head. */
  get headed(): boolean { return this.#store.conditionalWrites }

  /** Names of all bundles that are listed: the head never is. */
  async list(context: RequestContext): Promise<string[]> { return (await this.listing(context)).bundles }

  /** The same, and the names of what else lies beside them. */
  async listing(context: RequestContext): Promise<{ bundles: string[]; others: string[] }> {
    const names = await this.names(context)
    return { bundles: names.filter(isBundleName), others: names.filter((name) => !isBundleName(name)) }
  }

  /** Names of all that is there. */
  async names(context: RequestContext): Promise<string[]> {
    const found: ObjectInfo[] = []
    for (let after: string | undefined; ;) {
      const page = await this.#store.list(this.#prefix, context, after === undefined ? {} : { after })
      found.push(...page.objects)
      if (page.next === undefined) break
      after = page.next
    }
    return found.map(({ key }) => key.slice(this.#prefix.length))
  }

  /** Answers its ETag. `facts` can be read even where the bundle's body turns out to be damaged. */
  async write(context: RequestContext, name: string, body: Body, facts: Record<string, string> = {}): Promise<string> {
    const { etag } = await this.#store.write(this.#prefix + name, body, context, { metadata: { username: this.#username, ...bytesOf(body.size), ...facts } })
    return etag
  }

  /** Whether it is there, and the one that had this ETag ('': any). Changed bits below an ETag that stays show to its reader only. */
  async has(context: RequestContext, name: string, etag: string): Promise<boolean> {
    try {
      const stat = await this.#store.stat(this.#prefix + name, context)
      return etag === '' || stat.etag === '' || stat.etag === etag
    } catch (error) {
      if (error instanceof ObjectNotFound) return false
      throw error
    }
  }

  /** Writes the head in the place of the one of this tag ('': if there is none). Answers its new tag. ConditionFailed: it is another. */
  async writeHead(context: RequestContext, name: string, body: Body, below: readonly string[], facts: Record<string, string>, tag: string): Promise<string> {
    const metadata = { username: this.#username, ...bytesOf(body.size), ...facts, bundle: name, below: below.join(' ') }
    const condition = tag === '' ? { ifAbsent: true } as const : { ifMatch: tag }
    const { etag } = await this.#store.write(this.#headKey, body, context, { metadata, condition })
    return etag
  }

  /** One HEAD. undefined: there is none. */
  head(context: RequestContext): Promise<HeadFacts | undefined> {
    return present(async () => {
      const { etag, metadata } = await this.#store.stat(this.#headKey, context)
      return headFacts(etag, metadata)
    })
  }

  /** One GET; the reader is to be read or cancelled. undefined: there is none. */
  openHead(context: RequestContext): Promise<(HeadFacts & { reader: ObjectReader }) | undefined> {
    return present(async () => {
      const reader = wholeBody(this.#headKey, await this.#store.read(this.#headKey, context))
      return { ...headFacts(reader.etag, reader.metadata), reader }
    })
  }

  /** undefined: it is not there any more. */
  read(context: RequestContext, name: string): Promise<ObjectReader | undefined> {
    return present(async () => {
      const key = isHead(name) ? this.#headKey : this.#prefix + name
      const reader = wholeBody(key, await this.#store.read(key, context))
      if (!isHead(name) || headFacts('', reader.metadata).name === name) return reader
      reader.cancel()
      return undefined
    })
  }

  /** Answers the names that are gone: those of former heads always are. */
  async remove(context: RequestContext, names: readonly string[]): Promise<string[]> {
    const keys = names.filter((name) => !isHead(name)).map((name) => this.#prefix + name)
    if (keys.length <= 1) {
      if (keys.length === 1) await this.#store.delete(keys[0]!, context)
      return [...names]
    }
    const failed = new Set(await this.#store.deleteMany(keys, context))
    return names.filter((name) => !failed.has(this.#prefix + name))
  }

  get #headKey(): string { return this.#prefix + headPlace }
}

/** Where the head lies beside the other bundles. */
export const headPlace = 'head'

/** UIDs that a bundle allowed, as its metadata says; 0: it does not. */
export const ceilingOf = (metadata: Metadata): number => Number(metadata['ceiling'] ?? 0) || 0

const headFacts = (tag: string, metadata: Metadata): HeadFacts =>
  ({ tag, ceiling: ceilingOf(metadata), name: metadata['bundle'] ?? '', below: (metadata['below'] ?? '').split(' ').filter(isBundleName) })

async function present<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined
    throw error
  }
}
