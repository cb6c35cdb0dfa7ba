// The contract through the storage worker's thread, and what the thread adds: fairness, bounds, backpressure, death.

import t from 'tap'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { randomBytes } from 'node:crypto'
import type { ObjectStore, RequestContext } from '../../runtime/effects.ts'
import { Cancelled, ConfigError, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { bodyOf, collect } from '../../workers/storage/body.ts'
import { objectStoreContract } from './object-store.ts'
import { startStorageThread } from './storage-thread.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-storage-thread-'))
t.teardown(() => fs.rmSync(directory, { recursive: true }))
const thread = await startStorageThread()
t.teardown(() => thread.stop())

const context = (user = 'dove'): RequestContext => ({ user, reason: 'test:thread' })

for (const [spec, storedSizes] of [['memory:', false], [`posix:prefix=${directory}/:no-fsync`, false], [`compress:gz:6:posix:prefix=${directory}/gz/:no-fsync`, true]] as const) {
  void t.test(spec.replaceAll(directory, 'DIR'), async (t) => objectStoreContract(t, thread.open(spec), 'area', { storedSizes }))
}

void t.test('fscache in the thread: the contract, its figures, a rescan', async (t) => {
  const store = thread.open(`fscache:1M:${directory}/cache:memory:cached`)
  await objectStoreContract(t, store, 'area', { counts: false })
  await store.write('mine', bodyOf(randomBytes(5000)), context())
  await thread.rescanCaches()
  const [before] = (await thread.statistics()).caches
  t.ok(before!.hits > 0 && before!.writes > 0 && before!.entries > 0)
  t.ok(before!.used <= before!.budget)
  const [after] = await thread.rescanCaches()
  t.equal(after!.entries, before!.entries)
  t.equal(after!.failures, 0, thread.log.map(({ text }) => text).join())
})

void t.test('a wrong string fails what is asked of it, with its reason', async (t) => {
  const error: unknown = await thread.open('compres:gz:6:memory:').list('', context()).catch((e: unknown) => e)
  t.ok(error instanceof ConfigError)
  t.match(error, { message: /compres/ })
})

void t.test('a reader that takes nothing stops the download', async (t) => {
  const store = thread.open(`delay:0:memory:slow`)
  await store.write('large', bodyOf(randomBytes(8_000_000)), context())
  const reader = await store.read('large', context())
  const chunks = reader.body[Symbol.asyncIterator]()
  const first = await chunks.next()
  t.ok(first.value!.length <= limits.readWindowBytes / 2)
  // Any answer of the thread shows that it has had its turn to send what it would.
  for (let n = 0; n < 5; n++) await store.stat('large', context())
  let rest = first.value!.length
  for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) { t.ok(chunk.length <= limits.readWindowBytes / 2); rest += chunk.length }
  t.equal(rest, 8_000_000)
})

void t.test('users take turns', async (t) => {
  await thread.resize({}, 1)
  const store = thread.open('delay:2:memory:fair')
  const order: string[] = []
  const ask = (user: string, store: ObjectStore): Promise<void> => store.write(user, bodyOf(new Uint8Array(1)), context(user)).then(() => { order.push(user) })
  await Promise.all([...Array.from({ length: 40 }, () => ask('greedy', store)), ask('modest', store)])
  t.ok(order.indexOf('modest') <= 2, `the second user waits for one request and not for 40 (${order.indexOf('modest')})`)
  await thread.resize({}, limits.storageConnections)
})

void t.test('a user may have so many writes running', async (t) => {
  await thread.resize({ obox_max_parallel_writes: 2 })
  const store = thread.open('delay:20:memory:parallel')
  const writes = Array.from({ length: 6 }, (_, n) => store.write(`p/${n}`, bodyOf(new Uint8Array(1)), context()))
  let statistics = await thread.statistics()
  while (statistics.running === 0) statistics = await thread.statistics()
  t.match(statistics, { running: 2, users: 1 })
  t.equal(statistics.waiting, 4)
  await thread.resize({ obox_max_parallel_writes: 6 })
  await Promise.all(writes)
  await thread.resize({})
})

void t.test('an upload in the background that somebody comes to wait for has its turn at once', async () => {
  await thread.resize({ metacache_max_parallel_requests: 1 })
  const store = thread.open('delay:60000:memory:hurry')
  const end = new AbortController()
  const upload = (key: string, hurry?: AbortSignal): Promise<unknown> =>
    store.write(key, bodyOf(new Uint8Array(1)), { ...context(), reason: 'metacache:upload_mailbox', signal: end.signal, ...(hurry === undefined ? {} : { hurry }) }).catch(() => {})
  const busy = async (running: number, waiting: number): Promise<void> => {
    for (let now = await thread.statistics(); now.running !== running || now.waiting !== waiting;) now = await thread.statistics()
  }
  const first = new AbortController()
  const uploads = [upload('a'), upload('b'), upload('c', first.signal)]
  await busy(1, 2)
  first.abort()
  await busy(2, 1)
  const late = new AbortController()
  late.abort()
  uploads.push(upload('d', late.signal))
  await busy(3, 1)
  end.abort()
  await Promise.all(uploads)
  await thread.resize({})
})

void t.test('one user cannot queue without end', async (t) => {
  const store = thread.open('delay:50:memory:bounded')
  const controller = new AbortController()
  const asked = Array.from({ length: limits.storageQueuePerUser + 50 }, () =>
    store.stat('none', { ...context('flood'), signal: controller.signal }).then(() => 'ok', (e: unknown) => e))
  const other = await store.list('', context('other'))
  t.same(other.objects, [], 'another user is served meanwhile')
  controller.abort()
  const outcomes = await Promise.all(asked)
  t.ok(outcomes.some((outcome) => outcome instanceof TempFail), 'too many: TempFail')
  t.ok(outcomes.some((outcome) => outcome instanceof Cancelled), 'and the others are cancelled')
  let statistics = await thread.statistics()
  while (statistics.waiting > 0 || statistics.running > 0) statistics = await thread.statistics()
  t.equal(statistics.users, 0, 'nothing is kept of users that ask nothing')
})

void t.test('warnings of the stores reach the log', async (t) => {
  const file = path.join(directory, 'a-file')
  fs.writeFileSync(file, '')
  const store = thread.open(`fscache:1G:${file}/cache:memory:warned`)
  await store.write('k', bodyOf(randomBytes(10)), context())
  t.equal((await collect((await store.read('k', context())).body)).length, 10, 'the store works all the same')
  t.match(thread.log, [{ level: 'warning', name: 'fscache.failed' }])
})

void t.test('when the thread dies everything asked of it fails at once, and the next one serves', async (t) => {
  const store = thread.open(`delay:10000:posix:prefix=${directory}/death:no-fsync`)
  const quick = thread.open(`posix:prefix=${directory}/death:no-fsync`)
  await quick.write('large', bodyOf(randomBytes(2_000_000)), context())
  const reader = await quick.read('large', context())
  const pending = Promise.all([t.rejects(store.stat('x', context()), TempFail), t.rejects(store.write('x', bodyOf(new Uint8Array(1)), context()), TempFail)])
  await thread.kill()
  await pending
  await t.rejects(collect(reader.body, Infinity), TempFail, 'a body that was being read breaks off')
  await t.rejects(quick.stat('large', context()), TempFail)
  await thread.restart()
  t.equal((await quick.stat('large', context())).size, 2_000_000)
})
