// The contract over the scality driver and a double of a CDMI server, alone and under wrappers; and what is CDMI's own.

import t from 'tap'
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { RequestContext } from '../../runtime/effects.ts'
import { Bug, ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { realTimers } from '../../runtime/real-effects.ts'
import { all } from '../../workers/fs/index.ts'
import { buildStack } from '../../workers/fs/stack.ts'
import { bodyOf, collect } from '../../workers/storage/body.ts'
import { honoursConditions } from '../../workers/storage/conditions.ts'
import type { Driver, OpenStore } from '../../workers/storage/driver.ts'
import { startCdmiDouble } from '../fixtures/cdmi-double.ts'
import type { CdmiDouble } from '../fixtures/cdmi-double.ts'
import { fastTimers } from '../unit/fs/fake-s3.ts'
import { get, objectStoreContract } from './object-store.ts'

type Cost = RequestContext & { cost: { requests: number; waitMs: number } }
const context = (): Cost => ({ user: 'dove@example.com', session: 's1', reason: 'test:cdmi', cost: { requests: 0, waitMs: 0 } })
const small = Buffer.from('a small mail')

const open = async (t: { teardown(action: () => void): unknown }, parameters = '', wrappers = '', timers = fastTimers): Promise<{ double: CdmiDouble; store: OpenStore }> => {
  const double = await startCdmiDouble()
  const store = buildStack(`${wrappers}scality:http://user:pa%3Ass@127.0.0.1:${double.port}/mails/?${parameters}`, { timers })
  t.teardown(() => { store.close(); double.stop() })
  return { double, store }
}

const abilities = { conditions: false, listsNamesOnly: true, singleDeletes: true } as const

for (const [wrappers, storedSizes] of [['', false], ['compress:gz:6:', true], ['count:cdmi:', false]] as const) {
  void t.test(`${wrappers}scality`, async (t) => {
    const { store } = await open(t, 'bulk_delete=1&bulk_link=1&addhdr=X-Dovecot-Hash:b5/899', wrappers, realTimers)
    await objectStoreContract(t, store, 'b5/899/dove@example.com', { ...abilities, storedSizes })
  })
}

void t.test('containers are made where they are missing, once', async (t) => {
  const { double, store } = await open(t)
  const first = context()
  await store.write('b5/899/dove/mailboxes/g/1', bodyOf(small), first, { metadata: { guid: 'g' } })
  t.same(double.containers(), ['/', '/mails/', '/mails/b5/', '/mails/b5/899/', '/mails/b5/899/dove/', '/mails/b5/899/dove/mailboxes/', '/mails/b5/899/dove/mailboxes/g/'])
  const second = context()
  await store.write('b5/899/dove/mailboxes/g/2', bodyOf(small), second)
  t.equal(second.cost.requests, 1, 'and then a write is one request')
  await Promise.all(Array.from({ length: 10 }, (_, n) => store.write(`b5/899/dove/mailboxes/h/${n}`, bodyOf(small), context())))
  t.equal((await store.list('b5/899/dove/mailboxes/h/', context())).objects.length, 10, 'many at a time')
  t.match(double.seen[0]!.headers, { authorization: `Basic ${Buffer.from('user:pa:ss').toString('base64')}`, 'x-cdmi-specification-version': '1.0.2', 'x-dovecot-username': 'dove@example.com' })
  await store.delete('b5/899/dove/mailboxes/g/1', context())
  await store.delete('b5/899/dove/mailboxes/g/2', context())
  t.notOk(double.seen.some(({ method, url }) => method === 'DELETE' && url.endsWith('/')), 'a container is never deleted')
})

void t.test('objects of another writer', async (t) => {
  const { double, store } = await open(t)
  double.put('/mails/text', Buffer.from('grün "quoted" \\ \n'))
  t.equal(await get(store, 'text'), 'grün "quoted" \\ \n', 'of utf-8 transfer encoding')
  const stat = await store.stat('text', context())
  t.match(stat, { size: 18, metadata: {} })
  t.ok(stat.etag)
})

void t.test('409, 503: again. A container that is away: temporary, and no "no such object"', async (t) => {
  const { double, store } = await open(t)
  await store.write('a/k', bodyOf(small), context())
  for (const status of [409, 503, 423, 507]) {
    let failing = 2
    double.interfere = (_, response) => {
      if (failing-- <= 0) return false
      response.writeHead(status).end()
      return true
    }
    const passes = status === 409 || status >= 500
    const mine = context()
    if (passes) { await store.write('a/k', bodyOf(small), mine); t.ok(mine.cost.requests >= 3, String(status)) }
    else await t.rejects(store.write('a/k', bodyOf(small), mine), TempFail, String(status))
  }
  double.interfere = (_, response) => { response.writeHead(404).end(); return true }
  for (const action of [() => store.read('a/k', context()), () => store.stat('a/k', context()), () => store.list('a/', context()), () => store.delete('a/k', context()), () => store.write('a/k', bodyOf(small), context())]) {
    const error: unknown = await action().catch((e: unknown) => e)
    t.ok(error instanceof TempFail, String(error))
  }
  double.interfere = undefined
  await t.rejects(store.stat('a/none', context()), ObjectNotFound)
})

void t.test('a body that breaks off goes on by range; one that was changed meanwhile is not sewn together', async (t) => {
  const { double, store } = await open(t)
  const content = randomBytes(600_000)
  await store.write('k', bodyOf(content), context())
  /** The next answer stops in its middle; what is called then breaks the connection. */
  let breakOff = (): void => {}
  const stop = (): void => {
    double.interfere = ({ url }, response) => {
      if (!url.endsWith(';value')) return false
      double.interfere = undefined
      const json = Buffer.from(JSON.stringify({ metadata: { cdmi_size: '600000', 'culver-etag': mark }, valuetransferencoding: 'base64', value: content.toString('base64') }).replaceAll('/', '\\/'))
      response.writeHead(200, { 'content-type': 'application/cdmi-object', 'content-length': json.length })
      response.write(json.subarray(0, 300_000))
      breakOff = () => { response.socket!.destroy() }
      return true
    }
  }
  let mark = (await store.stat('k', context())).etag
  // The connection breaks when the reader has begun: before that, the request is simply made again.
  const readBroken = async (mine: RequestContext): Promise<Uint8Array> => {
    stop()
    const { body } = await store.read('k', mine)
    const bytes = collect(body, Infinity)
    breakOff()
    return bytes
  }
  const mine = context()
  const bytes = await readBroken(mine)
  t.ok(Buffer.from(bytes).equals(content))
  t.equal(mine.cost.requests, 3, 'the object, what it is now, its rest')
  mark = 'other'
  await t.rejects(readBroken(context()), /was changed while it was read/)
})

void t.test('a write that the store did not finish', async (t) => {
  const { double, store } = await open(t, 'max_retries=1')
  double.interfere = ({ method }, response) => {
    if (method !== 'PUT') return false
    response.writeHead(201, { 'content-type': 'application/cdmi-object' }).end('{"completionStatus":"Processing"}')
    return true
  }
  await t.rejects(store.write('k', bodyOf(small), context()), /not complete/)
  double.interfere = (_, response) => { response.writeHead(201, { 'content-type': 'application/cdmi-object' }).end('{"completionStatus":"Complete","metadata":{"cdmi_size":"3"}}'); return true }
  await t.rejects(store.write('k', bodyOf(small), context()), /has 3 bytes of 12/)
})

void t.test('a listing of more than a page reads its container once', async (t) => {
  const { double, store } = await open(t)
  await store.write('box/0', bodyOf(small), context())
  for (let n = 1; n < 2100; n++) double.put(`/mails/box/${n}`, small)
  double.seen.length = 0
  const keys: string[] = []
  for (let after: string | undefined; ;) {
    const page = await store.list('box/', context(), after === undefined ? {} : { after })
    keys.push(...page.objects.map(({ key }) => key))
    after = page.next
    if (after === undefined) break
  }
  t.same(keys, Array.from({ length: 2100 }, (_, n) => `box/${n}`).sort())
  t.equal(double.seen.length, 3)
})

void t.test('no conditions, and that is known without opening a store', async (t) => {
  const { store } = await open(t)
  await t.rejects(store.write('k', bodyOf(small), context(), { condition: { ifAbsent: true } }), Bug)
  const examples: Record<string, string> = {
    'memory': 'memory:', 'posix': 'posix:prefix=/x/', 's3': 's3:https://k:s@b.example.com/', 'aws-s3': 'aws-s3:https://k:s@b.example.com/?region=eu-north-1',
    'scality': 'scality: http://h/mails/',
  }
  for (const { name } of all.filter((one): one is Driver => one.kind === 'driver')) {
    const spec = examples[name]!
    for (const whole of [spec, `compress:gz:6:${spec}`]) {
      const built = buildStack(whole)
      t.equal(honoursConditions(whole), built.conditionalWrites, whole)
      built.close()
    }
  }
})
