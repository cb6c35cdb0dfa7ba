import t from 'tap'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { TempFail } from '../../../runtime/errors.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { countsOf } from '../../../workers/fs/count.ts'
import { bodyOf } from '../../../workers/storage/body.ts'
import { realDisk } from '../../../workers/storage/cache-disk.ts'
import type { CacheFile } from '../../../workers/storage/cache-disk.ts'
import { Wrapping } from '../../../workers/storage/wrapping.ts'
import { cacheStatistics, rescanCaches } from '../../../workers/storage/cache-shared.ts'
import { cachedStore, context, filesIn, get, put, spaceOf, timers } from '../../fixtures/cached-store.ts'

const mib = 2 ** 20

void t.test('what was just written, or read once, costs no request', async (t) => {
  const { store, parent, counts } = cachedStore(t)
  const short = randomBytes(5000)
  const long = randomBytes(3 * mib)
  await put(store, 'u/mailboxes/m/short', short)
  await put(store, 'u/mailboxes/m/long', long)
  await put(parent, 'u/mailboxes/m/elsewhere', long)
  t.equal(counts.write, 3)
  t.ok((await get(store, 'u/mailboxes/m/short')).equals(short))
  t.ok((await get(store, 'u/mailboxes/m/long')).equals(long))
  t.ok((await get(store, 'u/mailboxes/m/long', { start: 2 * mib, end: 2 * mib + 10 })).equals(long.subarray(2 * mib, 2 * mib + 10)))
  t.equal(counts.read, 0)
  t.ok((await get(store, 'u/mailboxes/m/elsewhere')).equals(long))
  t.ok((await get(store, 'u/mailboxes/m/elsewhere')).equals(long))
  t.equal(counts.read, 1)
})

void t.test('a client that downloads in ten pieces costs one request', async (t) => {
  const { store, parent, counts } = cachedStore(t)
  for (const size of [50_000, 5 * mib]) {
    const bytes = randomBytes(size)
    await put(parent, `piecewise-${size}`, bytes)
    counts.read = 0
    for (let n = 0; n < 10; n++) {
      const [start, end] = [n * size / 10, (n + 1) * size / 10]
      t.ok((await get(store, `piecewise-${size}`, { start, end })).equals(bytes.subarray(start, end)), `piece ${n} of ${size}`)
    }
    t.equal(counts.read, 1)
  }
})

void t.test('a very long one: the first piece alone, then the whole; a piece far behind alone', async (t) => {
  const { store, parent, counts, cache } = cachedStore(t)
  const size = 20 * mib
  const bytes = randomBytes(size)
  await put(parent, 'long', bytes)
  for (let n = 0; n < 10; n++) {
    const [start, end] = [n * size / 10, (n + 1) * size / 10]
    t.ok((await get(store, 'long', { start, end })).equals(bytes.subarray(start, end)))
  }
  t.ok(counts.read <= 2, `${counts.read} requests for ten pieces of 20 MB`)
  await put(parent, 'far', bytes)
  counts.read = 0
  const range = { start: 15 * mib, end: 15 * mib + 100 }
  t.ok((await get(store, 'far', range)).equals(bytes.subarray(range.start, range.end)))
  t.equal(counts.read, 1)
  t.ok((await get(store, 'long')).equals(bytes))
  t.equal(counts.read, 1, 'the other one is here')
  t.ok(cache.statistics.entries <= 1, 'this one is not, for one piece')
})

void t.test('ten readers of one object make one request; who leaves early disturbs nobody', async (t) => {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => { release = resolve })
  const inner = buildStack('count:shared:memory:shared')
  class Slow extends Wrapping {
    override async read(...args: Parameters<Wrapping['read']>): ReturnType<Wrapping['read']> { await gate; return super.read(...args) }
  }
  const bytes = randomBytes(2 * mib)
  await put(inner, 'k', bytes)
  const { store } = cachedStore(t, { parent: new Slow(inner) })
  const readers = Array.from({ length: 10 }, (_, n) => store.read('k', context, n % 3 === 1 ? { start: 1000, end: mib } : undefined))
  const controller = new AbortController()
  const cancelled = store.read('k', { ...context, signal: controller.signal })
  await turn()
  controller.abort()
  await t.rejects(cancelled, { name: 'Cancelled' })
  release()
  const done = readers.map(async (promise, n) => {
    const reader = await promise
    const chunks: Uint8Array[] = []
    for await (const chunk of reader.body) {
      chunks.push(chunk)
      if (n % 3 === 2) break
    }
    return Buffer.concat(chunks)
  })
  for (const [n, got] of (await Promise.all(done)).entries()) {
    const wanted = n % 3 === 1 ? bytes.subarray(1000, mib) : bytes
    t.ok(n % 3 === 2 ? got.equals(bytes.subarray(0, got.length)) && got.length > 0 : got.equals(wanted), `reader ${n}`)
  }
  t.equal(countsOf('shared').read, 1)
})

void t.test('the store fails in the middle: readers hear of it, nothing is kept', async (t) => {
  const { store, parent, cache } = cachedStore(t, { parent: buildStack('fault:body=1:memory:breaks') })
  await put(parent, 'k', randomBytes(mib))
  await t.rejects(get(store, 'k'), TempFail)
  await t.rejects(get(store, 'k', { start: 5 }), TempFail)
  await cache.idle()
  t.equal(cache.statistics.entries, 0)
})

void t.test('the budget holds at every moment, the least recently used go first', async (t) => {
  const budget = 64 * 1024
  const { store, cache, directory, counts } = cachedStore(t, { bytes: budget })
  for (let n = 0; n < 12; n++) await put(store, `k${n}`, randomBytes(4000))
  for (let n = 12; n < 100; n++) {
    await put(store, `k${n}`, randomBytes(4000))
    await get(store, 'k0')
    if (spaceOf(directory) > budget) t.fail(`${spaceOf(directory)} bytes of ${budget} at ${n}`)
  }
  t.equal(counts.read, 0, 'what is read again and again stays')
  t.ok(cache.statistics.entries >= 7)
  await get(store, 'k20')
  t.equal(counts.read, 1, 'what nobody read is gone')
  await put(store, 'too-long', randomBytes(budget + 1))
  t.equal((await get(store, 'too-long')).length, budget + 1)
  t.ok(spaceOf(directory) <= budget)
})

void t.test('a restart finds a warm cache and keeps the budget from its first moment', async (t) => {
  const first = cachedStore(t, { bytes: 256 * 1024 })
  const bytes = randomBytes(3000)
  await put(first.store, 'kept', bytes)
  for (let n = 0; n < 60; n++) await put(first.store, `k${n}`, randomBytes(3000))
  await get(first.store, 'kept')
  first.cache.stop()
  const { store, parent, directory } = first
  void store
  const second = cachedStore(t, { bytes: 256 * 1024, directory, parent })
  t.ok((await get(second.store, 'k50')).length === 3000)
  t.equal(first.counts.read, 0, 'served before the directory was looked at')
  for (let n = 100; n < 130; n++) {
    await put(second.store, `k${n}`, randomBytes(3000))
    if (spaceOf(directory) > 256 * 1024) t.fail('over the budget')
  }
  await second.cache.idle()
  t.ok(second.cache.statistics.entries > 20)
  t.ok(second.cache.statistics.used >= spaceOf(directory))
})

void t.test('damaged files are no entries: cut, bent, of another object, torn in the making', async (t) => {
  const { store, parent, directory, counts, cache } = cachedStore(t)
  const bytes = randomBytes(300_000)
  const damage: [string, (file: string) => void][] = [
    ['cut', (file) => fs.truncateSync(file, fs.statSync(file).size - 1)],
    ['bent', (file) => { const all = fs.readFileSync(file); all[1000]! ^= 1; fs.writeFileSync(file, all) }],
    ['bent-facts', (file) => { const all = fs.readFileSync(file); all[all.length - 20]! ^= 1; fs.writeFileSync(file, all) }],
    ['emptied', (file) => fs.truncateSync(file, 0)],
    ['zeroed', (file) => fs.writeFileSync(file, Buffer.alloc(fs.statSync(file).size))],
  ]
  for (const [key, spoil] of damage) {
    const before = new Set(filesIn(directory))
    await put(store, key, bytes)
    spoil(filesIn(directory).find((file) => !before.has(file) && !file.endsWith('.used'))!)
  }
  cache.stop()
  const again = cachedStore(t, { directory, parent })
  for (const [key] of damage) t.ok((await get(again.store, key)).equals(bytes), key)
  t.equal(counts.read, damage.length)
  t.equal(again.cache.statistics.damaged, damage.length)
  for (const [key] of damage) t.ok((await get(again.store, key)).equals(bytes), `${key}, a second time`)
  t.equal(counts.read, damage.length, 'fetched anew once')
})

void t.test('a disk that fails: clients notice nothing, one warning a minute, and it is tried again', async (t) => {
  let code: string | undefined
  const failing = (): void => { if (code !== undefined) throw Object.assign(new Error(`${code}: injected`), { code }) }
  const { store, parent, log, cache, later } = cachedStore(t, {
    disk: {
      open: async (file, flags) => { if (flags === 'wx+') failing(); return realDisk.open(file, flags) },
      rename: async (from, to) => { failing(); return realDisk.rename(from, to) },
    },
  })
  for (const kind of ['ENOSPC', 'EIO', 'EROFS', 'EACCES']) {
    code = kind
    for (let n = 0; n < 5; n++) {
      later(11_000)
      const bytes = randomBytes(n * 60_000)
      await put(store, `${kind}-${n}`, bytes)
      t.ok((await get(store, `${kind}-${n}`)).equals(bytes))
    }
  }
  const warnings = log.filter(({ name }) => name === 'fscache.failed')
  t.ok(warnings.length >= 2 && warnings.length <= 5, `${warnings.length} warnings in four minutes`)
  t.match(warnings[0]!.text, /ENOSPC/)
  code = undefined
  await put(store, 'resting', 'x')
  t.equal(cache.statistics.entries, 0, 'left alone for a while')
  later(11_000)
  await put(store, 'again', 'x')
  t.equal(cache.statistics.entries, 1)
  t.equal((await get(parent, 'again')).toString(), 'x')
})

void t.test('the disk fills up, or cannot be read, in the middle of a download', async (t) => {
  const bytes = randomBytes(3 * mib)
  for (const broken of ['write', 'read'] as const) {
    const { store, parent, counts, cache } = cachedStore(t, {
      disk: {
        open: async (file, flags) => {
          const real = await realDisk.open(file, flags)
          const fails = (): never => { throw Object.assign(new Error('injected'), { code: broken === 'write' ? 'ENOSPC' : 'EIO' }) }
          return {
            stat: () => real.stat(), close: () => real.close(),
            write: async (chunk, offset, length, position) => (broken === 'write' && position >= mib ? fails() : real.write(chunk, offset, length, position)),
            read: async (chunk, offset, length, position) => (broken === 'read' && position >= mib && length < 2 * mib && position < 2 * mib ? fails() : real.read(chunk, offset, length, position)),
          } satisfies CacheFile
        },
      },
    })
    await put(parent, 'k', bytes)
    const readers = await Promise.all([store.read('k', context), store.read('k', context, { start: 100 })])
    const slow = readers[1]!.body[Symbol.asyncIterator]()
    const first = (await slow.next()).value as Uint8Array
    t.ok(Buffer.concat(await Array.fromAsync(readers[0]!.body)).equals(bytes), `${broken}: the quick reader`)
    const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => slow })
    t.ok(Buffer.concat([first, ...rest]).equals(bytes.subarray(100)), `${broken}: the slow reader`)
    t.ok((await get(store, 'k')).equals(bytes), `${broken}: the next one`)
    t.ok(counts.read <= 5)
    await cache.idle()
    if (broken === 'write') t.equal(cache.statistics.entries, 0)
  }
})

void t.test('index objects are not kept, stat asks the store', async (t) => {
  const { store, parent, counts, cache } = cachedStore(t)
  await put(store, 'u/idx/manifest', 'one')
  await put(parent, 'u/idx/manifest', 'two')
  t.equal((await get(store, 'u/idx/manifest')).toString(), 'two')
  await put(store, 'u/mailboxes/m/o', 'x')
  await store.stat('u/mailboxes/m/o', context)
  t.equal(counts.stat, 1)
  t.equal(cache.statistics.entries, 1)
})

void t.test('a process killed while it writes leaves nothing bad', { timeout: 60_000 }, async (t) => {
  const { directory, parent, cache } = cachedStore(t, { bytes: 4 * mib })
  cache.stop()
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../../fixtures/cache-writer.ts'), directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = 0
  for await (const chunk of child.stdout) {
    said += String(chunk).split('\n').length - 1
    if (said >= 30) break
  }
  child.kill('SIGKILL')
  await once(child, 'close')
  const after = cachedStore(t, { bytes: 4 * mib, directory, parent })
  await after.cache.idle()
  t.same(fs.readdirSync(path.join(directory, '.tmp')), [], 'files in the making are swept')
  t.ok(after.cache.statistics.entries > 0)
  t.ok(spaceOf(directory) <= 4 * mib)
  let served = 0
  for (let n = 0; n < 200; n++) {
    await put(parent, `k${n}`, Buffer.alloc(50_000, n))
    if ((await get(after.store, `k${n}`)).equals(Buffer.alloc(50_000, n))) served++
  }
  t.equal(served, 200)
  t.equal(after.cache.statistics.damaged, 0)
})

void t.test('two processes in one directory: each serves what the other wrote, and outlives its evictions', async (t) => {
  const one = cachedStore(t, { bytes: 128 * 1024 })
  const two = cachedStore(t, { bytes: 128 * 1024, directory: one.directory, parent: one.parent })
  const bytes = (n: number): Buffer => Buffer.alloc(4000, n)
  for (let n = 0; n < 100; n++) {
    const [writer, reader] = n % 2 ? [one, two] : [two, one]
    await put(writer.store, `k${n}`, bytes(n))
    t.ok((await get(reader.store, `k${n}`)).equals(bytes(n)))
    t.ok((await get(reader.store, `k${n >> 1}`)).equals(bytes(n >> 1)))
  }
  await one.store.delete('k99', context)
  await t.rejects(get(two.store, 'k99'), { name: 'ObjectNotFound' })
  await Promise.all([one.cache.rescan(), two.cache.rescan()])
  t.ok(spaceOf(one.directory) <= 128 * 1024, 'a scan brings both back below the budget')
  t.equal(one.log.length + two.log.length, 0)
})

void t.test('rescan: sees what was removed and added by others', async (t) => {
  const { store, cache, directory, later } = cachedStore(t)
  for (let n = 0; n < 10; n++) await put(store, `k${n}`, 'x')
  const entries = filesIn(directory).filter((file) => !file.endsWith('.used'))
  for (const file of entries.slice(0, 4)) fs.rmSync(file)
  fs.mkdirSync(path.join(directory, 'lost+found'))
  fs.writeFileSync(path.join(directory, 'lost+found/other'), 'not ours')
  await cache.idle()
  later(1000)
  await cache.rescan()
  t.equal(cache.statistics.entries, 6)
  t.equal(cache.statistics.used, 6 * 4096)
  t.ok(fs.existsSync(path.join(directory, 'lost+found/other')))
})

void t.test('stores that name one directory share it; opening does no I/O', async (t) => {
  const { directory, cache } = cachedStore(t)
  cache.stop()
  await cache.idle()
  const shared = path.join(directory, 'shared')
  const a = buildStack(`fscache:10M:${shared}:count:a:memory:a`, { timers })
  const b = buildStack(`fscache:10M:${shared}:count:b:memory:b`, { timers })
  t.notOk(fs.existsSync(shared))
  await put(a, 'k', 'of a')
  await put(b, 'k', 'of b')
  t.equal((await get(a, 'k')).toString(), 'of a')
  t.equal((await get(b, 'k')).toString(), 'of b')
  t.equal(countsOf('a').read + countsOf('b').read, 0)
  const [statistics] = await rescanCaches(shared)
  t.match(statistics, { entries: 2, hits: 2, writes: 2, budget: 10 * mib })
  t.equal(cacheStatistics().length, 1)
  a.close()
  b.close()
  t.equal(cacheStatistics().length, 0)
})

void t.test('many at once, short and spooled bodies', async (t) => {
  const { store, counts, directory } = cachedStore(t, { bytes: 8 * mib })
  const spool = path.join(directory, 'spool')
  const bytes = randomBytes(300_000)
  fs.writeFileSync(spool, bytes)
  await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2
    ? store.write(`k${n}`, bodyOf(bytes.subarray(0, n * 100)), context)
    : store.write(`k${n}`, { size: bytes.length - n, parts: [{ path: spool, offset: n, length: bytes.length - n }] }, context))))
  await Promise.all(Array.from({ length: 40 }, async (_, n) => {
    t.ok((await get(store, `k${n}`)).equals(n % 2 ? bytes.subarray(0, n * 100) : bytes.subarray(n)))
  }))
  t.equal(counts.read, 0)
})
