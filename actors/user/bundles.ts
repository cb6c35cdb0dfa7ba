// Index bundles of one place in the store (`…/idx/`): written under new names, read newest first, old ones removed.
// What is in a bundle is its owner's business (mailbox-bundle.ts), and which bundles belong together bundle-chain.ts's.

import type { Body, ObjectInfo, ObjectReader, ObjectStore, RequestContext } from '../../runtime/effects.ts'
import { ObjectNotFound } from '../../runtime/errors.ts'
import { bytesOf, wholeBody } from './whole-body.ts'
import { isBundleName } from './object-names.ts'

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

  /** Names of all bundles there are. */
  async list(context: RequestContext): Promise<string[]> { return (await this.names(context)).filter(isBundleName) }

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

  /** undefined: it is not there any more. */
  async read(context: RequestContext, name: string): Promise<ObjectReader | undefined> {
    try {
      return wholeBody(this.#prefix + name, await this.#store.read(this.#prefix + name, context))
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined
      throw error
    }
  }

  /** Answers the names that are gone. */
  async remove(context: RequestContext, names: readonly string[]): Promise<string[]> {
    if (names.length === 0) return []
    if (names.length === 1) {
      await this.#store.delete(this.#prefix + names[0]!, context)
      return [...names]
    }
    const failed = new Set(await this.#store.deleteMany(names.map((name) => this.#prefix + name), context))
    return names.filter((name) => !failed.has(this.#prefix + name))
  }
}
