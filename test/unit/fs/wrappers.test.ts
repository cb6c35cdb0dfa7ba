import t from 'tap'
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import zlib from 'node:zlib'
import type { ObjectStore, RequestContext } from '../../../runtime/effects.ts'
import { ObjectNotFound, TempFail } from '../../../runtime/errors.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { bodyOf, collect } from '../../../workers/storage/body.ts'

const context: RequestContext = { user: 'dove', reason: 'test' }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const get = async (store: ObjectStore, key: string, range?: { start: number; end?: number }): Promise<string> =>
  new TextDecoder().decode(await collect((await store.read(key, context, range)).body, Infinity))

void t.test('compress: what lies in the parent is a compressed stream any tool can read', async (t) => {
  const plain = buildStack('memory:streams')
  const text = 'coo '.repeat(100_000)
  for (const [method, decompress] of [['gz', zlib.gunzipSync], ['zstd', zlib.zstdDecompressSync]] as const) {
    const store = buildStack(`compress:${method}:3:memory:streams`)
    for (const content of ['short', text]) {
      await store.write('k', bodyOf(bytes(content)), context)
      const raw = await collect((await plain.read('k', context)).body, Infinity)
      t.equal(decompress(raw).toString(), content)
      t.ok(content === 'short' || raw.length < text.length / 20)
      t.equal((await plain.stat('k', context)).metadata.size, String(content.length))
    }
  }
})

void t.test('compress: reading goes by the magic, plain content needs maybe-', async (t) => {
  const plain = buildStack('memory:magic')
  await plain.write('gz', bodyOf(zlib.gzipSync('by gz')), context)
  await plain.write('zstd', bodyOf(zlib.zstdCompressSync('by zstd')), context)
  await plain.write('plain', bodyOf(bytes('plain content')), context)
  await plain.write('empty', bodyOf(), context)
  const gz = buildStack('compress:gz:6:memory:magic')
  const maybe = buildStack('compress:maybe-gz:6:memory:magic')
  for (const store of [gz, maybe]) {
    t.equal(await get(store, 'gz'), 'by gz')
    t.equal(await get(store, 'zstd'), 'by zstd')
    t.equal(await get(store, 'zstd', { start: 3, end: 5 }), 'zs')
    t.equal((await store.stat('zstd', context)).size, 7, 'a size nobody noted is found out')
    await t.rejects(get(store, 'gz', { start: 5 }), ObjectNotFound)
  }
  t.equal(await get(maybe, 'plain'), 'plain content')
  t.equal(await get(maybe, 'plain', { start: 6 }), 'content')
  t.equal((await maybe.stat('plain', context)).size, 13)
  t.equal(await get(maybe, 'empty'), '')
  await t.rejects(get(gz, 'plain'), /plain is not compressed.*maybe-gz/)
})

void t.test('compress: the writer\'s own size is left alone', async (t) => {
  const store = buildStack('compress:gz:6:memory:own-size')
  await store.write('mail', bodyOf(bytes('12345')), context, { metadata: { size: '999' } })
  const stat = await store.stat('mail', context)
  t.equal(stat.size, 5)
  t.equal(stat.metadata.size, '999')
})

void t.test('compress: broken content is TempFail, the store\'s failure stays what it was', async (t) => {
  const plain = buildStack('memory:broken')
  const packed = zlib.gzipSync(randomBytes(500_000))
  await plain.write('cut', bodyOf(packed.subarray(0, 200_000)), context)
  await plain.write('bent', bodyOf(Buffer.concat([packed.subarray(0, 1000), Buffer.alloc(3000, 0xff), packed.subarray(4000)])), context)
  await plain.write('whole', bodyOf(packed), context)
  const store = buildStack('compress:gz:6:memory:broken')
  await t.rejects(get(store, 'cut'), { name: 'TempFail', message: /cut cannot be decompressed/ })
  await t.rejects(get(store, 'bent'), { name: 'TempFail', message: /bent cannot be decompressed/ })
  await t.rejects(get(buildStack('compress:gz:6:fault:body=1:memory:broken'), 'whole'), { name: 'TempFail', message: /the body broke off/ })
})

void t.test('fault: the same seed fails the same way, another one another way', async (t) => {
  const run = async (seed: number): Promise<string> => {
    const store = buildStack(`fault:seed=${seed},rate=0.5:memory:seed`)
    let outcomes = ''
    for (let n = 0; n < 60; n++) outcomes += await store.write('k', bodyOf(bytes('x')), context).then(() => '+', (error: unknown) => (error instanceof TempFail ? '-' : '?'))
    return outcomes
  }
  const first = await run(1)
  t.equal(await run(1), first)
  t.not(await run(2), first)
  t.match(first, /^[+-]{60}$/)
  t.ok(first.split('-').length > 15 && first.split('+').length > 15)
})

void t.test('fault: a write can have happened though it failed', async (t) => {
  const plain = buildStack('memory:lost')
  const lost = buildStack('fault:write=1,lost=1:memory:lost')
  await t.rejects(lost.write('there', bodyOf(bytes('x')), context), TempFail)
  t.equal(await get(plain, 'there'), 'x')
  const refused = buildStack('fault:write=1,lost=0:memory:lost')
  await t.rejects(refused.write('not-there', bodyOf(bytes('x')), context), TempFail)
  await t.rejects(plain.stat('not-there', context), ObjectNotFound)
  t.equal(await get(refused, 'there'), 'x', 'only writes fail')
})

void t.test('delay: it takes that long, and can be cancelled', async (t) => {
  const waited: number[] = []
  let go = (): void => {}
  const store = buildStack('delay:100-200:memory:delay', { timers: { after: (ms, action) => { waited.push(ms); go = action; return () => {} } } })
  const listed = store.list('', context)
  t.ok(waited[0]! >= 100 && waited[0]! <= 200)
  go()
  t.same((await listed).objects, [])
  const controller = new AbortController()
  const cancelled = store.list('', { ...context, signal: controller.signal })
  controller.abort()
  await t.rejects(cancelled, { name: 'Cancelled' })
})
