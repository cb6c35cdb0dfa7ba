// What somebody with rights on the store may do to the objects of an index, or what may happen to them there: a bundle, an orphan, the
// manifest or its copy is deleted, emptied, cut, changed in one bit, or replaced by an older version of itself. Mails are left alone.
//
// A changed object has another ETag, and (one time in four) has lost its metadata, but for half of the changed bits: there the store
// does not notice, and only who reads the object can.
//
// An older manifest is put back only if it is of the owner and epoch of now, and does not say that the user was left whole: whoever it names believes
// it, and what came since is found by verification only (README).

import { Buffer } from 'node:buffer'
import { chainOf, newestFirst } from '../../actors/user/object-names.ts'
import { decodeRoot } from '../../actors/user/root-codec.ts'
import { unframed } from '../../actors/user/snapshot.ts'
import type { Metadata, ObjectStore } from '../../runtime/effects.ts'
import type { SimRandom } from '../../runtime/sim/random.ts'

const kinds = ['deleted', 'emptied', 'cut', 'bit flipped', 'older'] as const

/** What was done. `silent`: the store has not noticed. */
export interface Harm { readonly key: string; /** `cache`: of a bundle, and its state is whole. */ readonly what: 'bundle' | 'cache' | 'manifest' | 'copy' | 'orphan'; /** GUID of its mailbox, else ''. */ readonly mailbox: string; readonly how: typeof kinds[number]; readonly silent: boolean; readonly etag: string }

interface Version { bytes: Uint8Array; metadata: Metadata }

const [snapshotMagic, diffMagic] = ['CULVERS1', 'CULVERD1']
const context = { user: '', reason: 'sim' }
const partOf = (key: string): Pick<Harm, 'what' | 'mailbox'> | undefined => {
  const [, mailbox = '', name] = /(?:\/mailboxes\/([0-9a-f]{32}))?\/idx\/(.+)$/.exec(key) ?? []
  if (name === undefined) return undefined
  if (mailbox === '') return name === 'manifest.copy' ? { what: 'copy', mailbox } : name.startsWith('manifest') ? { what: 'manifest', mailbox } : undefined
  return { what: name.startsWith('orphan.') ? 'orphan' : 'bundle', mailbox }
}

export class IndexDamage {
  /** The store that machines are to use: it remembers former versions, and gives what was damaged silently. */
  readonly store: ObjectStore
  readonly #inner: ObjectStore
  readonly #current = new Map<string, Version>()
  readonly #former = new Map<string, Version[]>()
  readonly #rotten = new Map<string, Uint8Array>()

  constructor(inner: ObjectStore) {
    this.#inner = inner
    const changes: Partial<ObjectStore> = {
      write: async (key, body, context, options) => {
        const written = await inner.write(key, body, context, options)
        if (partOf(key) !== undefined) this.#wrote(key, { bytes: Buffer.concat(body.parts as Uint8Array[]), metadata: options?.metadata ?? {} })
        return written
      },
      read: async (key, context, range) => {
        const reader = await inner.read(key, context, range)
        const bytes = this.#rotten.get(key)
        return bytes === undefined ? reader : { ...reader, body: (async function* () { yield bytes })(), cancel: () => { reader.cancel() } }
      },
    }
    this.store = new Proxy(inner, {
      get(_, name) {
        if (name in changes) return changes[name as keyof ObjectStore]
        const value: unknown = Reflect.get(inner, name, inner)
        return typeof value === 'function' ? value.bind(inner) : value
      },
    })
  }

  /** Does something to one object of those that `may` be damaged; undefined: there is none. */
  async harm(dice: SimRandom, may: (key: string) => boolean = () => true): Promise<Harm | undefined> {
    const all = (await this.#keys('')).filter((key) => partOf(key) !== undefined && may(key))
    const what = dice.pick(['bundle', 'bundle', 'bundle', 'manifest', 'manifest', 'copy', 'orphan'] as const)
    const keys = all.filter((key) => partOf(key)!.what === what)
    if (keys.length === 0) return undefined
    const key = dice.pick(keys)
    const former = (this.#former.get(key) ?? []).filter(({ bytes, metadata }) => (['owner', 'epoch'] as const).every((name) => metadata[name] === this.#current.get(key)?.metadata[name]) && decodeRoot(bytes)?.state.clean === false)
    const how = dice.pick(former.length > 0 ? kinds : kinds.slice(0, -1))
    const silent = how === 'bit flipped' && dice.chance(0.5)
    const withMetadata = dice.chance(0.75)
    const etag = await this.#do(key, how, silent, how === 'older' ? dice.pick(former) : undefined, withMetadata, dice)
    const harm: Harm = { key, ...partOf(key)!, how, silent, etag }
    return what === 'bundle' && await this.#isReadable(harm) ? { ...harm, what: 'cache' } : harm
  }

  /** Whether nothing rests on the damaged object any more. */
  async isMended({ key, what, etag, how }: Harm): Promise<boolean> {
    const there = await this.#inner.stat(key, context).catch(() => undefined)
    if (there !== undefined) return there.etag !== etag
    if (what === 'manifest') return (await this.#keys(key.replace(/manifest.*$/, 'manifest'))).some((other) => partOf(other)?.what === 'manifest')
    if (what === 'copy' || key.endsWith('/head')) return false
    const prefix = key.slice(0, key.lastIndexOf('/') + 1)
    const names = await Promise.all((await this.#keys(prefix)).map(async (name) => (name.endsWith('/head') ? (await this.#inner.stat(name, context)).metadata['bundle'] ?? '' : name.slice(prefix.length))))
    const [newest] = newestFirst(names)
    // Deleted by whoever has replaced it, or by hand.
    return how !== 'deleted' || (newest !== undefined && chainOf(names, newest) !== undefined && newestFirst([newest, key.slice(prefix.length)])[0] === newest)
  }

  async #do(key: string, how: Harm['how'], silent: boolean, older: Version | undefined, withMetadata: boolean, dice: SimRandom): Promise<string> {
    if (how === 'deleted') {
      await this.#inner.delete(key, context)
      return ''
    }
    const whole = await this.#read(key)
    const { etag, metadata } = await this.#inner.stat(key, context)
    const bytes = how === 'emptied' ? Buffer.alloc(0) : how === 'cut' ? whole.subarray(0, dice.below(whole.length)) : how === 'older' ? older!.bytes : flipped(whole, dice)
    if (silent) {
      this.#rotten.set(key, bytes)
      return etag
    }
    const kept = older?.metadata ?? metadata
    return (await this.#inner.write(key, { size: bytes.length, parts: [bytes] }, context, { metadata: withMetadata ? kept : {} })).etag
  }

  /** Whether its reader finds nothing wrong with a bundle: summaries that are damaged are read from their mails. */
  async #isReadable({ key, how }: Harm): Promise<boolean> {
    if (how === 'deleted') return false
    const bytes = this.#rotten.get(key) ?? await this.#read(key)
    const { metadata } = await this.#inner.stat(key, context)
    // Which bundle a head is, its metadata alone says.
    if (key.endsWith('/head') && metadata['bundle'] === undefined) return false
    return bytes.length >= Number(metadata['bytes'] ?? 0) && [snapshotMagic, diffMagic].some((magic) => unframed(Buffer.from(magic), bytes) !== undefined)
  }

  async #read(key: string): Promise<Buffer> {
    const chunks: Uint8Array[] = []
    for await (const chunk of (await this.#inner.read(key, context)).body) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  #wrote(key: string, version: Version): void {
    const before = this.#current.get(key)
    if (before !== undefined) this.#former.set(key, [...this.#former.get(key) ?? [], before])
    this.#current.set(key, version)
    this.#rotten.delete(key)
  }

  async #keys(prefix: string): Promise<string[]> {
    const keys: string[] = []
    for (let after: string | undefined; ;) {
      const page = await this.#inner.list(prefix, context, after === undefined ? {} : { after })
      keys.push(...page.objects.map(({ key }) => key))
      if (page.next === undefined) return keys
      after = page.next
    }
  }
}

function flipped(bytes: Uint8Array, dice: SimRandom): Uint8Array {
  const changed = bytes.slice()
  const bit = dice.below(8 * changed.length)
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return changed
}
