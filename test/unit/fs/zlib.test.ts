import t from 'tap'
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import zlib from 'node:zlib'
import type { RequestContext } from '../../../runtime/effects.ts'
import { limits } from '../../../runtime/limits.ts'
import { countsOf } from '../../../workers/fs/count.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { bodyOf } from '../../../workers/storage/body.ts'
import type { OpenStore } from '../../../workers/storage/driver.ts'
import { get, timers } from '../../fixtures/cached-store.ts'

const context: RequestContext = { user: 'dove', reason: 'test' }
const save = (store: OpenStore, key: string, bytes: Uint8Array, size = bytes.length): Promise<unknown> =>
  store.write(key, bodyOf(bytes), context, { metadata: { size: String(size), guid: 'g' } })
const text = Buffer.from('Subject: coo\r\n\r\n' + 'A dove says coo.\r\n'.repeat(20_000))

void t.test('one mailbox with everything in it: gz, zlib, zstd and plain, whichever way new mails are written', async (t) => {
  const bare = buildStack('memory:mixed')
  await save(bare, 'gz', zlib.gzipSync(text), text.length)
  await save(bare, 'deflate', zlib.deflateSync(text), text.length)
  await save(bare, 'zstd', zlib.zstdCompressSync(text), text.length)
  await save(bare, 'plain', text)
  // As another server may have left them: the size with CRLF, of bytes with LF; no size at all.
  const lf = Buffer.from(text.toString().replaceAll('\r\n', '\n'))
  await save(bare, 'lf', lf, text.length)
  await save(bare, 'lf-gz', zlib.gzipSync(lf), text.length)
  await bare.write('sizeless', bodyOf(zlib.gzipSync(text)), context)
  for (const spec of ['zlib:::memory:mixed', 'zlib:gz:9:memory:mixed', 'zlib:zstd::memory:mixed', 'zlib:deflate:1:memory:mixed']) {
    const store = buildStack(spec)
    for (const key of ['gz', 'deflate', 'zstd', 'plain', 'sizeless']) {
      t.ok((await get(store, key)).equals(text), `${key} through ${spec}`)
      t.ok((await get(store, key, { start: 100_000, end: 100_100 })).equals(text.subarray(100_000, 100_100)), `a piece of ${key}`)
      t.equal((await store.stat(key, context)).size, text.length)
    }
    for (const key of ['lf', 'lf-gz']) t.ok((await get(store, key)).equals(lf), key)
  }
})

void t.test('what is stored', async (t) => {
  const bare = buildStack('memory:stored')
  for (const [spec, decompress] of [['zlib:gz:6:', zlib.gunzipSync], ['zlib:zstd:3:', zlib.zstdDecompressSync], ['zlib:deflate:6:', zlib.inflateSync]] as const) {
    await save(buildStack(`${spec}memory:stored`), 'k', text)
    t.ok(decompress(await get(bare, 'k')).equals(text), 'any tool can read it')
    t.match((await bare.stat('k', context)).metadata, { size: String(text.length), guid: 'g' }, 'the size is the mail\'s')
  }
  await buildStack('zlib:gz:6:memory:stored').copy('k', 'copy', context)
  t.ok((await get(bare, 'copy')).equals(await get(bare, 'k')), 'a copy is not compressed anew')
  await save(buildStack('zlib:::memory:stored'), 'k', text)
  t.ok((await get(bare, 'k')).equals(text))
})

void t.test('mails that look compressed come back as they were', async (t) => {
  const odd = [zlib.gzipSync(text), zlib.gzipSync(''), zlib.zstdCompressSync('x'), zlib.deflateSync('y'), Buffer.from('x^y: a header\r\n\r\n'),
    Buffer.from([0x1f, 0x8b]), Buffer.from([0x78, 0x9c]), Buffer.from('BZh91AY&SY…'), Buffer.alloc(0), randomBytes(200_000)]
  for (const spec of ['zlib:::memory:odd', 'zlib:gz:6:memory:odd', 'zlib:gz:0:memory:odd', 'zlib:zstd:1:memory:odd']) {
    const store = buildStack(spec)
    for (const [n, bytes] of odd.entries()) {
      await save(store, `k${n}`, bytes)
      for (const reader of [store, buildStack('zlib:::memory:odd')]) t.ok((await get(reader, `k${n}`)).equals(bytes), `${n} through ${spec}`)
    }
  }
})

void t.test('what cannot be read says why; a bomb ends', async (t) => {
  const bare = buildStack('memory:bad')
  const store = buildStack('zlib:::memory:bad')
  await save(bare, 'xz', Buffer.from('\xfd7zXZ\0 and so on', 'latin1'), 999)
  await t.rejects(get(store, 'xz'), { name: 'TempFail', message: /compressed with xz, which is not supported/ })
  await save(bare, 'bomb', zlib.gzipSync(Buffer.alloc(50_000_000)), 1000)
  await t.rejects(get(store, 'bomb'), { name: 'TempFail', message: /more than 1000 bytes/ })
  await save(bare, 'cut', zlib.gzipSync(randomBytes(50_000)).subarray(0, 20_000), 50_000)
  await t.rejects(get(store, 'cut'), { name: 'TempFail', message: /cut cannot be decompressed/ })
  await t.rejects(get(buildStack('compress:gz:6:memory:bad'), 'bomb'), /more than 1000 bytes/)
})

void t.test('under a cache: plain bytes in it, one request and one decompression for a client that downloads in pieces', async (t) => {
  const directory = fs.mkdtempSync('/tmp/culver-cache-')
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  const store = buildStack(`zlib:gz:6:fscache:10M:${directory}:count:pieces:memory:pieces`, { timers })
  await save(buildStack('zlib:gz:6:memory:pieces'), 'k', text)
  const pieces: Buffer[] = []
  for (let at = 0; at < text.length; at += 36_001) pieces.push(await get(store, 'k', { start: at, end: at + 36_001 }))
  t.ok(Buffer.concat(pieces).equals(text))
  t.equal(countsOf('pieces').read, 1)
  // Another level, another method: the same entries.
  const other = buildStack(`zlib:zstd::fscache:10M:${directory}:count:pieces:memory:pieces`, { timers })
  t.ok((await get(other, 'k')).equals(text))
  t.equal(countsOf('pieces').read, 1)
  await save(store, 'new', text)
  t.ok((await get(store, 'new')).equals(text))
  t.equal(countsOf('pieces').read, 1, 'just written')
  t.ok((await get(buildStack('memory:pieces'), 'new')).length < text.length / 20)
  store.close()
  other.close()
})

void t.test('a piece of a plain mail is one small request; long bodies are spooled', async (t) => {
  const store = buildStack('zlib:::count:small:memory:small')
  const long = randomBytes(limits.memoryBodyBytes * 3)
  await save(store, 'plain', long)
  t.ok((await get(store, 'plain', { start: 200_000, end: 200_010 })).equals(long.subarray(200_000, 200_010)))
  t.equal(countsOf('small').read, 1)
  await save(buildStack('zlib:gz:6:memory:small'), 'incompressible', long)
  t.ok((await get(buildStack('memory:small'), 'incompressible')).equals(long), 'what gains nothing is stored as it is')
})
