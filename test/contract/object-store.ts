// What every ObjectStore must do, driver, wrapper or the sessions' end of the storage worker: one suite, run over each.

import { Buffer } from 'node:buffer'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import type { ListOptions, ObjectInfo, ObjectStore, RequestContext } from '../../runtime/effects.ts'
import { Bug, Cancelled, ConditionFailed, LimitExceeded, ObjectNotFound } from '../../runtime/errors.ts'
import { bodyOf, collect } from '../../workers/storage/body.ts'

export interface ContractOptions {
  /** Listings give stored sizes, which are not those of the plain bytes. */
  storedSizes?: boolean
  /** Requests are counted in the context: one for each operation. */
  counts?: boolean
  /** The store has no conditional writes. */
  conditions?: boolean
  /** Listings tell names, and no sizes, dates or etags. */
  listsNamesOnly?: boolean
  /** Deleting many is a request for each. */
  singleDeletes?: boolean
}

const context = (): RequestContext & { cost: { requests: number; waitMs: number } } =>
  ({ user: 'dove@example.com', session: 's1', reason: 'test:contract', cost: { requests: 0, waitMs: 0 } })

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (store: ObjectStore, key: string, text: string): Promise<{ etag: string }> => store.write(key, bodyOf(bytes(text)), context())

/** The whole of an object as text. */
export const get = async (store: ObjectStore, key: string, range?: { start: number; end?: number }): Promise<string> =>
  new TextDecoder().decode(await collect((await store.read(key, context(), range)).body, Infinity))

const listAll = async (store: ObjectStore, prefix: string, options: ListOptions = {}): Promise<{ keys: string[]; prefixes: string[]; pages: number; objects: ObjectInfo[] }> => {
  const objects: ObjectInfo[] = []
  const prefixes: string[] = []
  let pages = 0
  for (let after = options.after; ;) {
    const page = await store.list(prefix, context(), { ...options, ...(after === undefined ? {} : { after }) })
    pages++
    objects.push(...page.objects)
    prefixes.push(...page.prefixes)
    if (page.next === undefined) return { keys: objects.map(({ key }) => key), prefixes, pages, objects }
    after = page.next
  }
}

/** Runs the suite on `store`, which must be empty below `area`/. */
export const objectStoreContract = async (t: Test, store: ObjectStore, area: string, options: ContractOptions = {}): Promise<void> => {
  const key = (name: string): string => `${area}/${name}`
  await t.test('what is written is read', (t) => readsBack(t, store, key))
  await t.test('ranges', (t) => ranges(t, store, key))
  await t.test('metadata', (t) => metadata(t, store, key))
  if (options.conditions ?? true) await t.test('conditions', (t) => conditions(t, store, key))
  await t.test('copies', (t) => copies(t, store, key))
  await t.test('deletes', (t) => deletes(t, store, key))
  await t.test('listings', (t) => listings(t, store, key, options))
  await t.test('odd keys', (t) => oddKeys(t, store, key))
  await t.test('bodies in files, large bodies', (t) => largeBodies(t, store, key))
  await t.test('leaving early, cancelling', (t) => leaving(t, store, key))
  if (options.counts ?? true) await t.test('requests are counted', (t) => counting(t, store, key, options))
}

type Key = (name: string) => string

const readsBack = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  const before = Date.now()
  const { etag } = await put(store, key('plain/one'), 'first')
  t.ok(etag.length > 0)
  const reader = await store.read(key('plain/one'), context())
  t.equal(reader.size, 5)
  t.equal(reader.etag, etag)
  t.ok(Math.abs(reader.modifiedMs - before) < 60_000, 'modified now')
  t.equal(new TextDecoder().decode(await collect(reader.body)), 'first')
  const stat = await store.stat(key('plain/one'), context())
  t.match(stat, { size: 5, etag })
  const again = await put(store, key('plain/one'), 'other')
  t.not(again.etag, etag, 'another write, another etag')
  t.equal(await get(store, key('plain/one')), 'other')
  await store.write(key('plain/empty'), { size: 0, parts: [] }, context())
  t.equal(await get(store, key('plain/empty')), '')
  t.equal((await store.stat(key('plain/empty'), context())).size, 0)
  await store.write(key('plain/parts'), bodyOf(bytes('a'), bytes(''), bytes('bc')), context())
  t.equal(await get(store, key('plain/parts')), 'abc', 'parts are joined')
  const mine = bytes('mine')
  await store.write(key('plain/mine'), bodyOf(mine), context())
  t.equal(new TextDecoder().decode(mine), 'mine', 'the bytes stay the caller\'s')
  await t.rejects(store.read(key('plain/none'), context()), ObjectNotFound)
  await t.rejects(store.stat(key('plain/none'), context()), ObjectNotFound)
  await t.rejects(store.read(key('plain/one/below'), context()), ObjectNotFound)
  await t.rejects(store.stat(key('plain'), context()), ObjectNotFound, 'a prefix is no object')
}

const ranges = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  await put(store, key('range'), '0123456789')
  t.equal(await get(store, key('range'), { start: 2, end: 5 }), '234')
  t.equal(await get(store, key('range'), { start: 7 }), '789')
  t.equal(await get(store, key('range'), { start: 0 }), '0123456789')
  t.equal(await get(store, key('range'), { start: 8, end: 100 }), '89', 'clipped at the end')
  const part = await store.read(key('range'), context(), { start: 2, end: 5 })
  t.equal(part.size, 10, 'size is the object\'s')
  part.cancel()
  await t.rejects(store.read(key('range'), context(), { start: 10 }), ObjectNotFound)
  await t.rejects(store.read(key('range'), context(), { start: 10, end: 12 }), ObjectNotFound)
  await t.rejects(store.read(key('range'), context(), { start: 3, end: 3 }), Bug)
  await t.rejects(store.read(key('no-range'), context(), { start: 1 }), ObjectNotFound)
}

const metadata = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  const given = { username: 'dove@example.com', guid: '0123456789abcdef', received: '1700000000', origbox: 'a b  c', 'pop3-x': '100% ~%41 grün ' }
  await store.write(key('meta'), bodyOf(bytes('x')), context(), { metadata: given })
  t.match((await store.stat(key('meta'), context())).metadata, given)
  const reader = await store.read(key('meta'), context())
  t.match(reader.metadata, given)
  reader.cancel()
  await store.write(key('meta'), bodyOf(bytes('y')), context(), { metadata: { guid: 'new' } })
  const replaced = (await store.stat(key('meta'), context())).metadata
  t.equal(replaced.guid, 'new')
  t.equal(replaced.username, undefined, 'a write replaces all metadata')
  await put(store, key('meta'), 'z')
  t.equal((await store.stat(key('meta'), context())).metadata.guid, undefined)
}

const conditions = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  t.ok(store.conditionalWrites)
  const create = (text: string): Promise<{ etag: string }> => store.write(key('if/new'), bodyOf(bytes(text)), context(), { metadata: { guid: text }, condition: { ifAbsent: true } })
  const { etag } = await create('first')
  await t.rejects(create('second'), ConditionFailed)
  t.equal(await get(store, key('if/new')), 'first')
  t.equal((await store.stat(key('if/new'), context())).metadata.guid, 'first')
  const replace = (text: string, ifMatch: string): Promise<{ etag: string }> => store.write(key('if/new'), bodyOf(bytes(text)), context(), { condition: { ifMatch } })
  const next = await replace('third', etag)
  t.equal(await get(store, key('if/new')), 'third')
  await t.rejects(replace('fourth', etag), ConditionFailed)
  await replace('fifth', next.etag)
  t.equal(await get(store, key('if/new')), 'fifth')
  await t.rejects(store.write(key('if/none'), bodyOf(bytes('x')), context(), { condition: { ifMatch: etag } }), ConditionFailed)
  await t.rejects(store.stat(key('if/none'), context()), ObjectNotFound)

  const race = await Promise.allSettled(Array.from({ length: 8 }, (_, n) =>
    store.write(key('if/race'), bodyOf(bytes(`racer ${n}`)), context(), { condition: { ifAbsent: true } })))
  const winner = race.findIndex(({ status }) => status === 'fulfilled')
  t.equal(race.filter(({ status }) => status === 'fulfilled').length, 1, 'exactly one of racing writers wins')
  t.ok(race.every((result) => result.status === 'fulfilled' || result.reason instanceof ConditionFailed))
  t.equal(await get(store, key('if/race')), `racer ${winner}`)
}

const copies = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  await store.write(key('copy/source ü+1'), bodyOf(bytes('copied')), context(), { metadata: { guid: 'old', username: 'dove' } })
  await store.copy(key('copy/source ü+1'), key('copy/same'), context())
  t.equal(await get(store, key('copy/same')), 'copied')
  t.match((await store.stat(key('copy/same'), context())).metadata, { guid: 'old', username: 'dove' })
  await store.copy(key('copy/source ü+1'), key('copy/other'), context(), { guid: 'new' })
  const { metadata } = await store.stat(key('copy/other'), context())
  t.equal(metadata.guid, 'new')
  t.equal(metadata.username, undefined)
  await store.delete(key('copy/source ü+1'), context())
  t.equal(await get(store, key('copy/other')), 'copied')
  await t.rejects(store.copy(key('copy/none'), key('copy/there'), context()), ObjectNotFound)
  await t.rejects(store.stat(key('copy/there'), context()), ObjectNotFound)
}

const deletes = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  await put(store, key('gone/one'), 'x')
  await store.delete(key('gone/one'), context())
  await t.rejects(store.stat(key('gone/one'), context()), ObjectNotFound)
  await store.delete(key('gone/one'), context())
  t.pass('deleting what is not there is a success')
  const keys = ['a', 'b&<">\'', 'c ü', 'never-there'].map((name) => key(`gone/many/${name}`))
  for (const each of keys.slice(0, 3)) await put(store, each, 'x')
  t.same(await store.deleteMany(keys, context()), [])
  t.same((await listAll(store, key('gone/'))).keys, [])
  t.same((await listAll(store, key('gone'), { delimiter: '/' })).prefixes, [], 'no empty prefix is left')
  t.same(await store.deleteMany([], context()), [])
  await put(store, key('gone/one'), 'again')
  t.equal(await get(store, key('gone/one')), 'again')
}

const listings = async (t: Test, store: ObjectStore, key: Key, { storedSizes, listsNamesOnly }: ContractOptions): Promise<void> => {
  const names = ['list/a', 'list/a-b', 'list/a/1', 'list/a/2', 'list/b/x/y', 'list/b/z', 'list/c', 'list/ä', 'list/\uE000', 'list/\u{1F426}', 'listless']
    .filter((name) => name !== 'list/a')
  for (const name of names) await put(store, key(name), name)
  const ordered = ['list/a-b', 'list/a/1', 'list/a/2', 'list/b/x/y', 'list/b/z', 'list/c', 'list/ä', 'list/\uE000', 'list/\u{1F426}']
  const whole = await listAll(store, key('list/'))
  t.same(whole.keys, ordered.map(key), 'in the order of the UTF-8 bytes')
  if (!storedSizes && !listsNamesOnly) t.same(whole.objects.map(({ size }) => size), ordered.map((name) => Buffer.byteLength(name)))
  const stat = await store.stat(key('list/c'), context())
  const listed = whole.objects.find((object) => object.key === key('list/c'))!
  if (!listsNamesOnly) t.equal(listed.etag, stat.etag)
  t.ok(Math.abs(listed.modifiedMs - stat.modifiedMs) < (listsNamesOnly ? 60_000 : 1000))
  for (const limit of [1, 2, 5]) {
    const paged = await listAll(store, key('list/'), { limit })
    t.same(paged.keys, ordered.map(key), `the same in pages of ${limit}`)
    t.equal(paged.pages, Math.ceil(ordered.length / limit))
  }
  t.same((await listAll(store, key('list/'), { after: key('list/a/2') })).keys, ordered.slice(3).map(key))
  t.same((await listAll(store, key('list/'), { after: key('list/a/20') })).keys, ordered.slice(3).map(key), 'after need not exist')
  t.same((await listAll(store, key('list'))).keys, [...ordered, 'listless'].map(key), 'a prefix need not end in /')
  t.same((await listAll(store, key('list/a'))).keys, ordered.slice(0, 3).map(key))
  for (const limit of [1, 2, 3, 100]) {
    const level = await listAll(store, key('list/'), { delimiter: '/', limit })
    t.same(level.prefixes, [key('list/a/'), key('list/b/')], `prefixes in pages of ${limit}`)
    t.same(level.keys, ['list/a-b', 'list/c', 'list/ä', 'list/\uE000', 'list/\u{1F426}'].map(key))
  }
  t.same((await listAll(store, key('list/b/'), { delimiter: '/' })).prefixes, [key('list/b/x/')])
  t.same((await store.list(key('nothing/'), context())), { objects: [], prefixes: [] })
}

const oddKeys = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  const odd = ['.hidden', '..x', 'a b', 'a+b', 'a%2Fb', '%25', 'a?b=c&d', 'a#b', 'a"b', "a'b", 'a<b>', 'a\\b', 'a*b', 'a~b!()', 'grün', '𝄞', 'a:b', 'a=b', 'a,b;c', 'x.meta', `${'l'.repeat(200)}`]
  for (const name of odd) await put(store, key(`odd/${name}`), name)
  for (const name of odd) t.equal(await get(store, key(`odd/${name}`)), name, name)
  t.same((await listAll(store, key('odd/'))).keys.sort(), odd.map((name) => key(`odd/${name}`)).sort())
  t.same(await store.deleteMany(odd.map((name) => key(`odd/${name}`)), context()), [])
  t.same((await listAll(store, key('odd/'))).keys, [])
  for (const wrong of ['', '/a', 'a/', 'a//b', 'a/../b', './a', 'a\0b', '\ud800']) await t.rejects(put(store, wrong, 'x'), Bug, JSON.stringify(wrong))
  await t.rejects(put(store, 'k'.repeat(1025), 'x'), LimitExceeded)
}

const largeBodies = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-contract-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true }))
  const spool = path.join(directory, 'spool')
  const content = randomBytes(3_000_000)
  fs.writeFileSync(spool, content)
  const head = bytes('Return-Path: <dove@example.com>\r\n')
  const expected = Buffer.concat([head, content.subarray(1000, 2_500_000)])
  const body = { size: expected.length, parts: [head, { path: spool, offset: 1000, length: 2_499_000 }] }
  await store.write(key('large/spooled'), body, context(), { metadata: { guid: 'g' } })
  const hash = createHash('sha256')
  let size = 0
  let largest = 0
  const reader = await store.read(key('large/spooled'), context())
  for await (const chunk of reader.body) { hash.update(chunk); size += chunk.length; largest = Math.max(largest, chunk.length) }
  t.equal(size, expected.length)
  t.equal(reader.size, expected.length)
  t.equal(hash.digest('hex'), createHash('sha256').update(expected).digest('hex'))
  const part = await collect((await store.read(key('large/spooled'), context(), { start: 1_000_000, end: 1_700_000 })).body, Infinity)
  t.ok(Buffer.from(part).equals(expected.subarray(1_000_000, 1_700_000)), 'a large range')
  await store.write(key('large/memory'), bodyOf(content.subarray(0, 400_000), content.subarray(400_000, 900_000)), context())
  t.ok(Buffer.from(await collect((await store.read(key('large/memory'), context())).body, Infinity)).equals(content.subarray(0, 900_000)), 'a large body in memory')
  await t.rejects(store.write(key('large/missing'), { size: 200_000, parts: [{ path: path.join(directory, 'none'), offset: 0, length: 200_000 }] }, context()), { name: 'TempFail' })
  await t.rejects(store.write(key('large/short'), { size: 4_000_000, parts: [{ path: spool, offset: 0, length: 4_000_000 }] }, context()), { name: 'TempFail' })
  await t.rejects(store.write(key('large/wrong'), { size: 3, parts: [bytes('four')] }, context()), Bug)
  t.same((await listAll(store, key('large/'))).keys, [key('large/memory'), key('large/spooled')], 'a failed write leaves nothing')
}

const leaving = async (t: Test, store: ObjectStore, key: Key): Promise<void> => {
  await store.write(key('leave'), bodyOf(randomBytes(2_000_000)), context())
  for (let n = 0; n < 30; n++) {
    const reader = await store.read(key('leave'), context())
    for await (const chunk of reader.body) { t.ok(chunk.length < 2_000_000); break }
  }
  for (let n = 0; n < 30; n++) (await store.read(key('leave'), context())).cancel()
  const many = await Promise.all(Array.from({ length: 80 }, () => store.stat(key('leave'), context())))
  t.equal(many.length, 80, 'nothing that was left early holds a connection')
  const controller = new AbortController()
  controller.abort()
  await t.rejects(store.read(key('leave'), { ...context(), signal: controller.signal }), Cancelled)
  await t.rejects(store.stat(key('leave'), { ...context(), signal: controller.signal }), Cancelled)
}

const counting = async (t: Test, store: ObjectStore, key: Key, { singleDeletes }: ContractOptions): Promise<void> => {
  const spent = async (action: (context: RequestContext) => Promise<unknown>): Promise<number> => {
    const mine = context()
    await action(mine)
    return mine.cost.requests
  }
  const keys = Array.from({ length: 25 }, (_, n) => key(`count/${n}`))
  await put(store, keys[0]!, 'what a store makes at the first write of a place is not counted')
  for (const each of keys) t.equal(await spent((c) => store.write(each, bodyOf(bytes('x')), c, { metadata: { guid: 'g' } })), 1)
  t.equal(await spent(async (c) => collect((await store.read(keys[0]!, c)).body)), 1)
  t.equal(await spent((c) => store.stat(keys[0]!, c)), 1)
  t.equal(await spent((c) => store.list(key('count/'), c)), 1)
  t.equal(await spent((c) => store.copy(keys[0]!, key('count/copy'), c)), 1)
  t.equal(await spent((c) => store.delete(key('count/copy'), c)), 1)
  t.equal(await spent((c) => store.deleteMany(keys, c)), singleDeletes ? 25 : 1, '25 deletes')
}
