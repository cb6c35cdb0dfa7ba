// Whose a user is. One small object, `…/idx/manifest`, holds the root (mailbox list, subscriptions …) and says in its
// metadata which backend owns the user, in which epoch. It is replaced only on the condition that it is still what the
// writer last saw (If-Match, If-None-Match: *), so that of two backends one succeeds and the other learns that it has not.
//
// - A backend whose local copy is the owner's, as the manifest is the one it wrote last, asks nothing more of the store.
// - Another takes the user: it writes the manifest with an owner of its own and the next epoch, and only then reads
//   bundles and lists objects. What a former owner has had in the store before is found by that.
// - The former owner learns at its next write, or where it confirms an upload, that it has lost the user.
// - Where the store cannot hold conditions, each manifest is an object of its own, `…/idx/manifest.<epoch>.<count>.<write>`,
//   and the newest by name is the one that counts: it is found by listing, before and after each write. Who finds another's
//   beside its own, that was not there before, takes its own back. Where that fails, or its writer dies before, it shows: each says
//   which one it has replaced, and of several that have replaced one the first in the store counts. One that is given up and comes
//   late, after more than that, takes the user all the same; what the loser had then comes to the owner as an orphan.
// - So it is where a store forgets conditions (conditions.ts). Whoever sees that leaves a mark in the place of the manifest, by which all others
//   learn that manifests are listed now. One that was written there all the same counts if it is of a later epoch.
// - A copy, `…/idx/manifest.copy`, is written some time after each change of the mailbox list: names of mailboxes exist nowhere else.
// - `clean`: nothing is anywhere but in the manifest and the bundles it names. Whoever writes anything into the store
//   makes it unclean first.

import { concatBytes } from '../mail/byte-strings.ts'
import type { Body, Metadata, ObjectInfo, ObjectStore, RequestContext } from '../../runtime/effects.ts'
import { ConditionFailed, ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { decodeRoot, encodeRoot } from './root-codec.ts'
import type { RootState } from './root-state.ts'
import { bytesOf, untilWhole, wholeBody } from './whole-body.ts'

/** What can be known of a manifest without its body. `tag` changes with every write. */
export interface ManifestFacts { tag: string; epoch: number; owner: string; write: string; /** How often its owner had written it then. */ writes: number }

/** There is none. */
export const noManifest: ManifestFacts = { tag: '', epoch: 0, owner: '', write: '', writes: 0 }

/** A manifest as read; `state` undefined: its body is damaged. */
export interface FoundManifest extends ManifestFacts { state: RootState | undefined }

export class Manifest {
  readonly #store: ObjectStore
  readonly #key: string
  readonly #username: string
  #listing: boolean
  /** ETag of the mark in the place of the manifest, once it is known. */
  #mark: string | undefined

  /** `prefix` ends in `idx/`. */
  constructor(store: ObjectStore, prefix: string, username: string) {
    this.#store = store
    this.#key = `${prefix}manifest`
    this.#username = username
    this.#listing = !store.conditionalWrites
  }

  /** One HEAD (and a listing, where that must do). undefined: there is none. */
  facts(context: RequestContext): Promise<ManifestFacts | undefined> {
    return this.#ofNewest(context, async (key) => {
      const { etag, metadata } = await this.#store.stat(key, context)
      return isMark(metadata) ? 'mark' : factsOf(this.#listing ? listedTag(key, etag) : etag, metadata)
    })
  }

  /** One GET (and a listing). undefined: there is none. */
  read(context: RequestContext): Promise<FoundManifest | undefined> {
    return this.#ofNewest(context, async (key) => {
      let facts: ManifestFacts = factsOf('', {})
      let mark = false
      const bytes = await untilWhole(async () => {
        const { etag, metadata, body } = wholeBody(key, await this.#store.read(key, context))
        mark = isMark(metadata)
        facts = factsOf(this.#listing ? listedTag(key, etag) : etag, metadata)
        const chunks: Uint8Array[] = []
        for await (const chunk of body) chunks.push(chunk)
        return concatBytes(chunks)
      })
      if (mark) return 'mark'
      const state = bytes && decodeRoot(bytes)?.state
      // A store that was copied without its metadata.
      if (state !== undefined && facts.owner === '') Object.assign(facts, { epoch: state.epoch, owner: state.owner, write: state.write, writes: state.writes })
      return { ...facts, state }
    })
  }

  /** What `look` finds. One that was listed and is not there any more has been replaced in between, by ourselves perhaps: the next one counts. */
  async #ofNewest<T>(context: RequestContext, look: (key: string) => Promise<T | 'mark'>): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      const key = this.#listing ? await this.#newest(context) : this.#key
      if (key === undefined) return undefined
      try {
        const found = await look(key)
        if (found !== 'mark') return found
        if (this.#listing) return undefined
        this.#listing = true
      } catch (error) {
        if (!(error instanceof ObjectNotFound)) throw error
        if (!this.#listing) return undefined
        if (attempt === attempts) throw new TempFail(`the manifest ${this.#key} is replaced all the time`, { cause: error })
      }
    }
  }

  /** Manifests are listed from now on. Answers whether they were not before. */
  distrust(): boolean {
    if (this.#listing) return false
    return this.#listing = true
  }

  /** Whether these names, of all that lies beside the manifest, say that manifests are listed: then they are from now on. */
  findListed(names: readonly string[]): boolean {
    if (this.#listing || !names.some((name) => manifestName.test(name.replace(/^manifest/, '')))) return false
    this.#listing = true
    return true
  }

  /** Writes it if it still is the one of this tag ('': if there is none). Answers its new tag. ConditionFailed: it is not. */
  async write(context: RequestContext, state: RootState, tag: string): Promise<string> {
    const bytes = encodeRoot(published(state), 0)
    const metadata = { username: this.#username, ...bytesOf(bytes.length), epoch: String(state.epoch), owner: state.owner, write: state.write, writes: String(state.writes) }
    if (this.#listing) return this.#writeNewest(context, { size: bytes.length, parts: [bytes] }, metadata, state, tag)
    const condition = tag === '' ? { ifAbsent: true } as const : { ifMatch: tag }
    const { etag } = await this.#store.write(this.#key, { size: bytes.length, parts: [bytes] }, context, { metadata, condition })
    return etag
  }

  /**
   * A second copy, of no authority: where the manifest turns out to be damaged, most names of mailboxes are in it. Whoever writes it has
   * just written the manifest.
   */
  async writeCopy(context: RequestContext, state: RootState): Promise<void> {
    const bytes = encodeRoot(published(state), 0)
    await this.#store.write(`${this.#key}.copy`, { size: bytes.length, parts: [bytes] }, context, { metadata: { username: this.#username, ...bytesOf(bytes.length) } })
  }

  /** undefined: there is none, or it is damaged too. */
  async readCopy(context: RequestContext): Promise<RootState | undefined> {
    try {
      const key = `${this.#key}.copy`
      const bytes = await untilWhole(async () => {
        const chunks: Uint8Array[] = []
        for await (const chunk of wholeBody(key, await this.#store.read(key, context)).body) chunks.push(chunk)
        return concatBytes(chunks)
      })
      return bytes && decodeRoot(bytes)?.state
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined
      throw error
    }
  }

  async #writeNewest(context: RequestContext, body: Body, metadata: Metadata, { epoch, write, writes }: RootState, tag: string): Promise<string> {
    const before = await this.#names(context)
    if ((before.at(-1) ?? '') !== keyOf(tag)) throw new ConditionFailed(this.#key)
    const count = Math.max(writes, 1 + Math.max(0, ...before.map((name) => countOf(name.slice(this.#key.length), epoch))))
    const key = `${this.#key}.${hex(epoch)}.${hex(count)}.${write}`
    const { etag } = await this.#store.write(key, body, context, { metadata: { ...metadata, upon: this.#nameOf(keyOf(tag)) } })
    const after = await this.#names(context, key)
    // Of two that write at the same time the one whose object comes later sees the other's: it yields, whatever their names are.
    if (after.some((name) => name !== key && !before.includes(name)) || after.at(-1) !== key) {
      await this.#store.delete(key, context).catch(() => {})
      throw new ConditionFailed(this.#key)
    }
    // What is left is removed with the next one.
    if (before.includes(this.#key)) await this.#leaveMark(context).catch(() => {})
    await this.#store.deleteMany(before.filter((name) => name !== this.#key), context).catch(() => {})
    return listedTag(key, etag)
  }

  /** Keys by name; but before all others those that came second in the place of one that another has replaced: their writers have not taken them back. */
  async #inOrder(context: RequestContext, found: readonly ObjectInfo[], mine: string | undefined): Promise<string[]> {
    const counting = found.toSorted((a, b) => (a.key < b.key ? -1 : 1))
    const second: string[] = []
    for (let last = counting.at(-1); counting.length > 1 && last!.key !== mine; last = counting.at(-1)) {
      const { key, modifiedMs } = last!
      const upon = await this.#uponOf(context, key)
      if (upon === undefined) break
      const rivals = counting.slice(counting.findIndex((other) => this.#nameOf(other.key) === upon) + 1, -1).filter((other) => other.modifiedMs < modifiedMs)
      const theirs = await Promise.all(rivals.map((other) => this.#uponOf(context, other.key)))
      if (!theirs.includes(upon)) break
      second.push(key)
      counting.pop()
    }
    return [...second, ...counting.map(({ key }) => key)]
  }

  /** Name of the manifest that it has replaced. undefined: it does not say, or is not there any more. */
  async #uponOf(context: RequestContext, key: string): Promise<string | undefined> {
    try {
      return (await this.#store.stat(key, context)).metadata['upon']
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined
      throw error
    }
  }

  #nameOf(tag: string): string { return tag === '' ? nothing : tag.slice(tag.lastIndexOf('/') + 1) }

  /** In the place of the manifest, for those who look for it there. */
  async #leaveMark(context: RequestContext): Promise<void> {
    const { etag } = await this.#store.write(this.#key, { size: 0, parts: [] }, context, { metadata: { username: this.#username, listed: 'yes' } })
    this.#mark = etag
  }

  async #newest(context: RequestContext): Promise<string | undefined> { return (await this.#names(context)).at(-1) }

  /**
   * Keys of all manifests, oldest first: the one without an epoch in its name is older than all, if it is not of a later epoch. `mine`
   * needs no asking, where it is the last.
   */
  async #names(context: RequestContext, mine?: string): Promise<string[]> {
    const { objects } = await this.#store.list(this.#key, context)
    const listed = await this.#inOrder(context, objects.filter(({ key }) => manifestName.test(key.slice(this.#key.length))), mine)
    const plain = objects.find(({ key }) => key === this.#key)
    if (plain === undefined || (plain.etag !== '' && plain.etag === this.#mark)) return listed
    try {
      const { etag, metadata } = await this.#store.stat(this.#key, context)
      if (isMark(metadata)) {
        this.#mark = etag
        return listed
      }
      const [, epoch = '0'] = manifestName.exec(listed.at(-1)?.slice(this.#key.length) ?? '') ?? []
      return factsOf('', metadata).epoch > Number.parseInt(epoch, 16) ? [...listed, this.#key] : [this.#key, ...listed]
    } catch (error) {
      if (error instanceof ObjectNotFound) return listed
      throw error
    }
  }
}

const nothing = 'none'

/** Of a manifest that is found by listing: which one it is, and whether it is as it was written. */
const listedTag = (key: string, etag: string): string => `${key} ${etag}`
const keyOf = (tag: string): string => tag.slice(0, Math.max(0, tag.lastIndexOf(' ')))

const isMark = (metadata: Metadata): boolean => metadata['listed'] === 'yes'

/** How often it is looked for again where it is replaced between a listing and a look. */
const attempts = 5

const manifestName = /^\.([0-9a-f]{8})\.([0-9a-f]{8})\.[0-9a-f]{32}$/
const hex = (value: number): string => value.toString(16).padStart(8, '0')

/** The count in a manifest's name, of this epoch; else 0. */
function countOf(name: string, epoch: number): number {
  const [, at, count] = manifestName.exec(name) ?? []
  return at !== undefined && Number.parseInt(at, 16) === epoch ? Number.parseInt(count!, 16) : 0
}

const factsOf = (tag: string, metadata: Record<string, string>): ManifestFacts =>
  ({ tag, epoch: Number(metadata['epoch'] ?? 0) || 0, owner: metadata['owner'] ?? '', write: metadata['write'] ?? '', writes: Number(metadata['writes'] ?? 0) || 0 })

/** Without what only this machine can use. */
export function published(state: RootState): RootState {
  const copy = state.clone()
  copy.statuses.clear()
  copy.built.clear()
  copy.looks.clear()
  copy.boots.clear()
  copy.bundles.clear()
  copy.tag = ''
  copy.unsaved = 0
  copy.pending = []
  if (!copy.clean) copy.handed = new Map()
  return copy
}
