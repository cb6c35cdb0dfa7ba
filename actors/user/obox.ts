// The mail objects of a user: where they lie, their metadata, and the requests made for them. Immutable, one per mail.

import type { Body, ByteRange, Metadata, ObjectInfo, ObjectReader, ObjectStat, ObjectStore, RequestContext } from '../../runtime/effects.ts'
import { isBundleName, isGuid, parseOid } from './object-names.ts'

/** Everything the store has of one mailbox. */
export interface MailboxListing {
  /** By oid. */
  mails: Map<string, ObjectInfo>
  /** Names of index bundles; and of what else lies beside them (`idx/…`). */
  bundles: string[]
  others: string[]
  /** UIDs that the newest bundle allowed, where that has been asked for. */
  ceiling?: number
}

/** A mail object's metadata. Dates in UNIX seconds, size in bytes of the CRLF form. RFC-less: obox reference §2.2. */
export interface MailFacts { guid: string; size: number; received: number; saved: number; origbox: string }

export class Obox {
  readonly #store: ObjectStore
  readonly #path: string
  readonly #username: string
  readonly #copy: (context: RequestContext, from: string, to: string) => Promise<void>

  /** `path`: what all keys of the user begin with. `copy`: where it is not to be the store's own. */
  constructor(store: ObjectStore, path: string, username: string, copy?: (context: RequestContext, from: string, to: string) => Promise<void>) {
    this.#copy = copy ?? ((context, from, to) => store.copy(from, to, context))
    this.#store = store
    this.#path = path
    this.#username = username
  }

  key(mailbox: string, oid: string): string { return `${this.mailboxPrefix(mailbox)}${oid}` }
  mailboxPrefix(mailbox: string): string { return `${this.#path}/mailboxes/${mailbox}/` }

  async save(context: RequestContext, mailbox: string, oid: string, body: Body, facts: MailFacts): Promise<void> {
    const metadata: Metadata = {
      username: this.#username, guid: facts.guid, size: String(facts.size), received: String(facts.received),
      saved: String(facts.saved), origbox: facts.origbox,
    }
    await this.#store.write(this.key(mailbox, oid), body, context, { metadata })
  }

  read(context: RequestContext, mailbox: string, oid: string, range?: ByteRange): Promise<ObjectReader> {
    return this.#store.read(this.key(mailbox, oid), context, range)
  }

  stat(context: RequestContext, mailbox: string, oid: string): Promise<ObjectStat> { return this.#store.stat(this.key(mailbox, oid), context) }

  /** Metadata goes along: origbox stays the mailbox of the first save. */
  copy(context: RequestContext, from: { mailbox: string; oid: string }, to: { mailbox: string; oid: string }): Promise<void> {
    return this.#copy(context, this.key(from.mailbox, from.oid), this.key(to.mailbox, to.oid))
  }

  /** One deletion request (or as few as the store allows). Answers the oids that are gone. */
  async deleteMany(context: RequestContext, mailbox: string, oids: readonly string[]): Promise<string[]> {
    const failed = new Set(await this.#store.deleteMany(oids.map((oid) => this.key(mailbox, oid)), context))
    return oids.filter((oid) => !failed.has(this.key(mailbox, oid)))
  }

  /** Mails and bundles of a mailbox: one listing, a request for each page. */
  async list(context: RequestContext, mailbox: string): Promise<MailboxListing> {
    const prefix = this.mailboxPrefix(mailbox)
    const listing: MailboxListing = { mails: new Map(), bundles: [], others: [] }
    for await (const object of this.#objects(context, prefix)) {
      const name = object.key.slice(prefix.length)
      if (name.startsWith('idx/')) {
        (isBundleName(name.slice(4)) ? listing.bundles : listing.others).push(name.slice(4))
      } else {
        listing.mails.set(name, object)
      }
    }
    return listing
  }

  /** A few mails of another server: one request. 'ours': some are of this one. */
  async someMails(context: RequestContext, mailbox: string, count: number): Promise<string[] | 'ours'> {
    const prefix = this.mailboxPrefix(mailbox)
    // Bundles, which lie behind the mails of most names, may be among them.
    const { objects } = await this.#store.list(prefix, context, { limit: 10 * count })
    const names = objects.map(({ key }) => key.slice(prefix.length)).filter((name) => parseOid(name) !== undefined)
    return names.some((name) => parseOid(name) !== 'foreign') ? 'ours' : names.slice(0, count)
  }

  /** GUIDs of all mailboxes that have objects. */
  async mailboxes(context: RequestContext): Promise<string[]> {
    const prefix = `${this.#path}/mailboxes/`
    const guids: string[] = []
    for (let after: string | undefined; ;) {
      const page = await this.#store.list(prefix, context, { delimiter: '/', ...(after === undefined ? {} : { after }) })
      for (const found of page.prefixes) guids.push(found.slice(prefix.length, -1))
      if (page.next === undefined) return guids.filter(isGuid)
      after = page.next
    }
  }

  /** Deletes everything a mailbox has in the store, bundles included. Answers whether nothing is left. */
  async deleteMailbox(context: RequestContext, mailbox: string, atOnce: number): Promise<boolean> {
    let keys: string[] = []
    let left = 0
    const remove = async (): Promise<void> => {
      if (keys.length > 0) left += (await this.#store.deleteMany(keys, context)).length
      keys = []
    }
    for await (const object of this.#objects(context, this.mailboxPrefix(mailbox))) {
      keys.push(object.key)
      if (keys.length >= atOnce) await remove()
    }
    await remove()
    return left === 0
  }

  async *#objects(context: RequestContext, prefix: string): AsyncGenerator<ObjectInfo> {
    for (let after: string | undefined; ;) {
      const page = await this.#store.list(prefix, context, after === undefined ? {} : { after })
      yield* page.objects
      if (page.next === undefined) return
      after = page.next
    }
  }
}
