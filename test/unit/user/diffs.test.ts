// Diff bundles: whatever happens between uploads, the chain of bundles says what the mailbox was at the last one; each costs as
// much as has changed; damaged and missing ones are passed over.

import { Buffer } from 'node:buffer'
import t from 'tap'
import fc from 'fast-check'
import { concatBytes } from '../../../actors/mail/byte-strings.ts'
import { chainWith } from '../../../actors/user/bundle-chain.ts'
import type { BundleLink, Uploaded } from '../../../actors/user/bundle-chain.ts'
import { mailboxBundle, readBundles } from '../../../actors/user/mailbox-bundle.ts'
import type { MailboxBundle } from '../../../actors/user/mailbox-bundle.ts'
import { MailboxState } from '../../../actors/user/mailbox-state.ts'
import { decodeMailboxRecord, encodeMailboxRecord } from '../../../actors/user/mailbox-records.ts'
import type { MailboxRecord } from '../../../actors/user/mailbox-records.ts'
import { ObjectIds, chainOf, isHead, newestFirst, parseBundleName } from '../../../actors/user/object-names.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../actors/user/snapshot.ts'
import { Flag } from '../../../actors/user/types.ts'
import type { UserActor } from '../../../actors/user/user.ts'
import type { Body, ObjectReader } from '../../../runtime/effects.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { limits as usual } from '../../../runtime/limits.ts'
import { context, draft, newWorld, open, seen, within } from './fixture.ts'
import type { HookedStore } from './hooked-store.ts'

const flagged = { mode: 'add' as const, flags: { system: Flag.Flagged, keywords: [] } }

/** A local directory with one cache file at a time, and objects. */
function smallStore() {
  const objects = new Map<string, Uint8Array>()
  const files = new Map<string, Uint8Array>()
  const bytesOf = (body: Body): Uint8Array => concatBytes(body.parts.map((part) => (part instanceof Uint8Array ? part : files.get(part.path)!.slice(part.offset, part.offset + part.length))))
  const append = async (path: string, bytes: Uint8Array) => { files.set(path, concatBytes([files.get(path) ?? new Uint8Array(), bytes])) }
  const reader = (name: string): ObjectReader => {
    const bytes = objects.get(name)!
    // In pieces, as a store may give it.
    const body = async function* () { for (let at = 0; at < bytes.length; at += 50) yield bytes.subarray(at, at + 50) }
    return { size: bytes.length, modifiedMs: 0, etag: '', metadata: {}, body: body(), cancel() {} }
  }
  return { objects, files, bytesOf, append, reader, remove: async (path: string) => { files.delete(path) } }
}

const facts = (state: MailboxState) => {
  const { columns } = state
  return {
    rows: Array.from({ length: columns.count }, (_, at) => {
      const row = columns.row(at)
      return { ...row, keywords: row.keywords.map((number) => state.keywords[number]), modseq: 0, oid: state.oidOf(at) }
    }),
    nextUid: state.nextUid, highestModseq: state.highestModseq, firstRecent: state.firstRecent,
    garbage: [...state.garbage], expunges: [...state.expunges.rows()], floor: state.expunges.floor,
    sums: [state.size, state.unseen, state.deleted, state.deletedSize],
  }
}

t.test('read back, a chain is the state of its last upload, whatever came between', async (t) => {
  const keyword = fc.constantFrom('a', 'B', 'c', '$d')
  const step = fc.oneof(
    fc.record({ append: fc.array(fc.record({ flags: fc.nat(31), keywords: fc.uniqueArray(keyword), cached: fc.boolean(), foreign: fc.boolean() }), { minLength: 1, maxLength: 4 }), gap: fc.nat(2) }),
    fc.record({ expunge: fc.array(fc.nat(30), { minLength: 1, maxLength: 5 }) }),
    fc.record({ flags: fc.nat(31), mode: fc.constantFrom('add' as const, 'remove' as const, 'replace' as const), keywords: fc.uniqueArray(keyword), of: fc.array(fc.nat(30), { maxLength: 5 }) }),
    fc.record({ cached: fc.nat(30) }), fc.record({ garbage: fc.nat(9) }),
    fc.constant('upload' as const), fc.constant('upload' as const), fc.constant('elsewhere' as const))
  const lengths = new Set<number>()
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), fc.integer({ min: 100, max: 400 }), fc.integer({ min: 1, max: 3 }), fc.boolean(), async (steps, bundleDiffBytes, bundleDiffShare, headed) => {
    const limits = { ...usual, bundleDiffBytes, bundleDiffShare, expungeLogRanges: 20 }
    const store = smallStore()
    const ids = new ObjectIds({ now: () => 1000, monotonic: () => 0 }, { bytes: (count) => new Uint8Array(count), below: () => 0 })
    let state = new MailboxState(limits)
    let directory = '/1'
    let epoch = 1
    let uploadedHere = false
    let first = true
    const apply = (record: MailboxRecord) => state.apply(decodeMailboxRecord(encodeMailboxRecord(record)))
    const cacheOf = () => `${directory}/cache.${state.cacheGeneration}`
    const cached = async (): Promise<{ cacheOffset: number; cacheLength: number }> => {
      const cacheOffset = store.files.get(cacheOf())?.length ?? 0
      await store.append(cacheOf(), Buffer.from(`summary ${cacheOffset}`))
      return { cacheOffset, cacheLength: store.files.get(cacheOf())!.length - cacheOffset }
    }
    const uidAt = (at: number): number[] => (at < state.columns.count ? [state.columns.uids[at]!] : [])
    const uidsAt = (rows: readonly number[]): number[] => [...new Set(rows)].sort((a, b) => a - b).flatMap(uidAt)
    for (const one of steps) {
      if (one === 'upload') {
        const made = (lasting: readonly BundleLink[], all = false) => mailboxBundle(state, [], state.nextUid + 100, { path: cacheOf(), bytes: store.files.get(cacheOf())?.length ?? 0 }, limits, lasting, all)
        const written = ({ body, upon }: MailboxBundle, head: boolean): string => {
          const name = ids.bundle(epoch, state.bundles, upon, head)
          store.objects.set(name, store.bytesOf(body))
          t.equal(store.objects.get(name)!.length, body.size)
          apply({ kind: 'uploading', name })
          return name
        }
        let bundle = made(state.lasting)
        let below: Uploaded | undefined
        if (headed && bundle.body.size > bundleDiffBytes) {
          below = { name: written(bundle, false), ...bundle, etag: 'below' }
          bundle = made(chainWith(state.lasting, below), true)
        }
        const name = written(bundle, headed)
        apply({ kind: 'uploaded', name, ceiling: state.nextUid + 100, covers: { ...state.unsaved }, at: { modseq: state.highestModseq, nextUid: state.nextUid }, link: { kept: bundle.kept, link: bundle.link }, etag: 'head', ...(below === undefined || bundle.kept === 0 ? {} : { below }) })
        if (headed) t.ok(state.lasting.every(({ bytes, name }) => bytes > bundleDiffBytes && !isHead(name)), 'nothing is upon a head')
        const gone = [...state.bundles].filter((old) => !state.chainNames.includes(old))
        for (const old of gone) store.objects.delete(old)
        apply({ kind: 'removed', names: gone })
        t.same([...store.objects.keys()].sort(), state.chainNames.toSorted())
        uploadedHere = true
        // The journal's snapshot keeps the chain.
        state = decodeSnapshot(encodeSnapshot(state, 1, []), limits)!.state
      } else if (one === 'elsewhere') {
        // (Once read, the state has modseqs of its own until it is uploaded again.)
        if (state.unsaved.all > 0 || !uploadedHere) continue
        uploadedHere = false
        directory = `/${++epoch}`
        const names = chainOf(store.objects.keys(), newestFirst(store.objects.keys())[0]!)!
        lengths.add(names.length)
        const read = await readBundles(names, names.map((name) => store.reader(name)), store as never, directory, limits)
        if (typeof read === 'string') return t.fail(`${read} cannot be read`) as never
        t.same(facts(read.state), facts(state))
        // As a rebuild does.
        read.state.bundles.clear()
        for (const name of names) read.state.bundles.add(name)
        const first = read.state.highestModseq + 1000
        for (let row = 0; row < read.state.columns.count; row++) read.state.columns.modseqs[row]! += first
        read.state.chain = read.state.chain.map((link) => ({ ...link, modseq: link.modseq + first }))
        read.state.highestModseq = first + 5
        read.state.unsaved = { mails: 0, important: 0, all: 0 }
        state = read.state
      } else if ('append' in one) {
        state.nextUid += one.gap
        const rows = []
        const mails = first ? Array.from({ length: 30 }, () => one.append[0]!) : one.append
        first = false
        for (const [at, mail] of mails.entries()) {
          const uid = state.nextUid + at
          rows.push({
            uid, flags: mail.flags, keywords: mail.keywords, size: uid * 10, internalDate: uid, saveDate: uid, guid: uid.toString(16).padStart(32, '0'),
            oid: mail.foreign ? `${uid}`.padStart(32, 'f') : '', ...(mail.cached ? await cached() : { cacheOffset: 0, cacheLength: 0 }),
          })
        }
        apply({ kind: 'append', rows })
      } else if ('expunge' in one) {
        apply({ kind: 'expunge', uids: uidsAt(one.expunge) })
      } else if ('flags' in one) {
        apply({ kind: 'flags', uids: uidsAt(one.of), mode: one.mode, flags: { system: one.flags, keywords: one.keywords }, unchangedSince: 0 })
      } else if ('cached' in one) {
        for (const uid of uidAt(one.cached)) {
          const { cacheOffset, cacheLength } = await cached()
          apply({ kind: 'cached', uid, offset: cacheOffset, length: cacheLength })
        }
      } else {
        apply({ kind: 'garbage', oids: [`${one.garbage}`] })
        state.unsaved.all++
      }
    }
  // The seed is fixed: one without any chain of three proves nothing about them.
  }), { numRuns: 150, seed: 20_261_126 })
  t.same([...lengths].sort(), [1, 2, 3], 'chains of every length were read')
})

/** Bytes of bundles written since this was last asked. */
function writtenBytes(store: HookedStore): () => number {
  let bytes = 0
  const write = store.write.bind(store)
  store.write = (key, body, ...rest) => {
    if (key.includes('/idx/') && key.includes('/mailboxes/')) bytes += body.size
    return write(key, body, ...rest)
  }
  return () => {
    const told = bytes
    bytes = 0
    return told
  }
}

const bundlesOf = async (store: HookedStore): Promise<string[]> =>
  (await store.keys()).filter((key) => key.includes('/mailboxes/') && key.includes('/idx/')).map((key) => key.slice(key.lastIndexOf('/') + 1))

/** A mailbox whose chain is as long as it gets. */
async function chained(user: UserActor, store: HookedStore): Promise<string[]> {
  await user.append(context, 'INBOX', Array.from({ length: 100 }, (_, n) => draft(String(n))))
  await user.flush()
  await user.append(context, 'INBOX', Array.from({ length: 10 }, (_, n) => draft(`more ${n}`)))
  await user.flush()
  await within(user, 'INBOX', (inbox) => inbox.store(context, [1, 105], flagged))
  await user.flush()
  const names = await namesOf(store)
  return chainOf(names, newestFirst(names)[0]!)!
}

/** Names of the bundles there are: that of the head is in its metadata. */
async function namesOf(store: HookedStore): Promise<string[]> {
  const keys = (await store.keys()).filter((key) => key.includes('/mailboxes/') && key.includes('/idx/'))
  return Promise.all(keys.map(async (key) => (key.endsWith('/head') ? (await store.stat(key, context)).metadata['bundle']! : key.slice(key.lastIndexOf('/') + 1))))
}

/** Where a bundle lies, below `idx/`. */
const place = (name: string | undefined): string => (isHead(name!) ? 'head' : name!)

const small = { limits: { bundleDiffBytes: 1000 } }

t.test('an upload costs what has changed, and a cold machine reads three bundles at most', async (t) => {
  const world = newWorld(t)
  const written = writtenBytes(world.store)
  const user = await open(world, {}, small)
  await user.append(context, 'INBOX', Array.from({ length: 100 }, (_, n) => draft(String(n))))
  await user.flush()
  const base = written()
  await user.append(context, 'INBOX', Array.from({ length: 10 }, (_, n) => draft(`more ${n}`)))
  await user.flush()
  const ten = written()
  t.ok(ten < base / 8, `ten mails: ${ten} of ${base} bytes`)
  await within(user, 'INBOX', (inbox) => inbox.store(context, [1, 105], flagged))
  await user.flush()
  const flags = written()
  t.ok(flags < 500, `two flags: ${flags} bytes`)
  const before = await bundlesOf(world.store)
  t.equal(before.length, 3)
  for (let uid = 1; uid <= 100; uid++) {
    await within(user, 'INBOX', (inbox) => inbox.store(context, [uid], { ...flagged, flags: { system: Flag.Seen, keywords: [] } }))
    await user.flush()
  }
  t.ok(written() < 100 * 1000)
  const names = await bundlesOf(world.store)
  t.ok(names.length <= 3, 'replaced ones are deleted')
  const all = await within(user, 'INBOX', async (inbox) => seen(inbox))
  await user.stop(5000)

  const elsewhere = newWorld(t, world.store)
  world.store.operations()
  const again = await open(elsewhere, {}, small)
  t.same(await within(again, 'INBOX', async (inbox) => seen(inbox)), all)
  const cost = world.store.operations()
  t.same(cost.filter((operation) => operation !== 'read'), ['write'], 'no listing')
  t.ok(cost.length <= 5, cost.join())
  await within(again, 'INBOX', async (inbox) => {
    await inbox.summary(context, 3)
    await inbox.summary(context, 107)
    t.same(world.store.operations(), [], 'the message cache of all of them is here')
    await inbox.store(context, [2], { ...flagged, flags: { system: Flag.Answered, keywords: [] } })
  })
  written()
  await again.flush()
  t.ok(written() < 1000, 'another machine goes on with diffs')
  await again.stop(5000)
})

const harms: Record<string, (store: HookedStore, prefix: string, chain: string[]) => Promise<void>> = {
  'a damaged last diff': async (store, prefix, [, , last]) => { await store.write(prefix + place(last), { size: 30, parts: [Buffer.alloc(30, 'x')] }, context) },
  'a truncated last diff': async (store, prefix, [, , last]) => { await store.write(prefix + place(last), { size: 10, parts: [Buffer.alloc(10)] }, context) },
  'a lost last diff': async (store, prefix, [, , last]) => { await store.delete(prefix + place(last), context) },
  'a lost first diff': async (store, prefix, [, first]) => { await store.delete(prefix + first!, context) },
  'a diff with a flipped bit': async (store, prefix, [, , last]) => {
    const chunks: Uint8Array[] = []
    const { body, metadata } = await store.read(prefix + place(last), context)
    for await (const chunk of body) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    bytes[40]! ^= 4
    await store.write(prefix + place(last), { size: bytes.length, parts: [bytes] }, context, { metadata })
  },
  'a lost base': async (store, prefix, [base]) => { await store.delete(prefix + base!, context) },
  'an emptied base': async (store, prefix, [base]) => { await store.write(prefix + base!, { size: 0, parts: [] }, context) },
}

for (const [what, damage] of Object.entries(harms)) {
  t.test(`${what}, while the local files are whole: the next upload leaves nothing upon it`, async (t) => {
    const world = newWorld(t)
    const user = await open(world, {}, small)
    const chain = await chained(user, world.store)
    await damage(world.store, `ab/cde/jane/mailboxes/${user.find('INBOX')!.guid}/idx/`, chain)
    await within(user, 'INBOX', (inbox) => inbox.store(context, [2], { ...flagged, flags: { system: Flag.Answered, keywords: [] } }))
    await user.flush()
    t.equal(world.log.some(({ name, level }) => name === 'metacache.bundle_damaged' && level === 'error'), !what.includes('last') && !what.includes('flipped'))
    const rows = await within(user, 'INBOX', async (inbox) => seen(inbox))
    const other = newWorld(t, world.store)
    const again = await open(other, {}, small)
    t.same(await within(again, 'INBOX', async (inbox) => seen(inbox)), rows)
    t.notOk(other.log.some(({ level }) => level === 'error'))
    await again.stop(5000)
    await user.stop(5000)
  })

  t.test(`${what}: told, every mail is there, and the next upload mends it`, async (t) => {
    const world = newWorld(t)
    const user = await open(world, {}, small)
    const chain = await chained(user, world.store)
    t.equal(chain.length, 3)
    t.match(chain.map((name) => parseBundleName(name)!.upon), [undefined, parseBundleName(chain[0]!)!.guid, parseBundleName(chain[1]!)!.guid])
    const prefix = `ab/cde/jane/mailboxes/${user.find('INBOX')!.guid}/idx/`
    await user.stop(5000)
    await damage(world.store, prefix, chain)
    const other = newWorld(t, world.store)
    const again = await open(other, {}, small)
    const rows = await within(again, 'INBOX', async (inbox) => {
      t.equal(inbox.messages.count, 110)
      t.ok(inbox.uidNext > 110)
      return seen(inbox)
    })
    if (!what.includes('lost')) t.ok(other.log.some(({ name, level }) => name === 'metacache.bundle_damaged' && level === 'error'))
    await again.append(context, 'INBOX', [draft('last', { flags: { system: Flag.Seen, keywords: [] } })])
    await again.flush()
    await again.stop(5000)
    const third = await open(newWorld(t, world.store), {}, small)
    t.same((await within(third, 'INBOX', async (inbox) => seen(inbox))).slice(0, 110), rows)
    await third.stop(5000)
    await user.stop(5000)
  })
}

t.test('where the store fails in the middle of a chain, no reader stays open', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, small)
  t.equal((await chained(user, world.store)).length, 3)
  await user.stop(5000)
  const read = world.store.read.bind(world.store)
  let opened = 0
  const left = new Set<number>()
  world.store.read = async (key, ...rest) => {
    const reader = await read(key, ...rest)
    if (!/\/mailboxes\/.*\/idx\//.test(key)) return reader
    const id = opened++
    left.add(id)
    const body = async function* () {
      if (key.includes('/idx/base.')) throw new TempFail('away')
      yield* reader.body
      left.delete(id)
    }
    return { ...reader, body: body(), cancel: () => { left.delete(id); reader.cancel() } }
  }
  const other = await open(newWorld(t, world.store), {}, small)
  await t.rejects(within(other, 'INBOX', async () => {}), { name: 'TempFail', message: 'away' })
  t.equal(opened, 3)
  t.same([...left], [])
  world.store.read = read
  t.equal(await within(other, 'INBOX', async (inbox) => inbox.messages.count), 110)
  await other.stop(5000)
})

t.test('while a long base is read, the store has no answer that waits for it', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, small)
  t.equal((await chained(user, world.store)).length, 3)
  const before = await within(user, 'INBOX', async (inbox) => seen(inbox))
  await user.stop(5000)
  const read = world.store.read.bind(world.store)
  const waiting = new Set<string>()
  const beside: string[][] = []
  world.store.read = async (key, ...rest) => {
    const reader = await read(key, ...rest)
    if (!/\/mailboxes\/.*\/idx\//.test(key)) return reader
    waiting.add(key)
    const body = async function* () {
      beside.push([...waiting].filter((other) => other !== key))
      yield* reader.body
      waiting.delete(key)
    }
    return { ...reader, body: body(), cancel: () => { waiting.delete(key); reader.cancel() } }
  }
  const other = await open(newWorld(t, world.store), {}, { limits: { ...small.limits, bundleAheadBytes: 100 } })
  t.same(await within(other, 'INBOX', async (inbox) => seen(inbox)), before)
  t.same(beside, [[], [], []])
  t.same([...waiting], [])
  await other.stop(5000)
})
