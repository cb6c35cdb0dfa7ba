// The s3 driver against a server that fails in every way it can: what is tried again, what is believed, what is said.

import t from 'tap'
import { Buffer } from 'node:buffer'
import { createHash, randomBytes } from 'node:crypto'
import { Cancelled, ConditionFailed, ObjectNotFound, TempFail } from '../../../runtime/errors.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { bodyOf, collect } from '../../../workers/storage/body.ts'
import { context, fakeS3, fastTimers, refuse } from './fake-s3.ts'
import type { Script } from './fake-s3.ts'

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')
const content = randomBytes(300_000)
const small = Buffer.from('a small mail')

/** Takes every PUT. */
const stored: Script = (_, request, response) => { response.writeHead(200, { etag: `"${md5(request.body)}"` }).end() }

/** Serves `content`, with ranges. */
const serve: Script = (_, request, response) => {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const start = Number(match?.[1] ?? 0)
  const end = match?.[2] ? Number(match[2]) + 1 : content.length
  const range = match ? { 'content-range': `bytes ${start}-${end - 1}/${content.length}` } : {}
  response.writeHead(match ? 206 : 200, { etag: '"e1"', 'last-modified': 'Mon, 23 Nov 2026 10:00:00 GMT', 'content-length': end - start, ...range })
  response.end(content.subarray(start, end))
}

void t.test('503 SlowDown is tried again, later and later, and counted', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => (n < 3 ? refuse(response, 503, 'SlowDown') : stored(n, request, response)))
  const mine = context()
  await s3.store.write('k', bodyOf(small), mine)
  t.equal(mine.cost.requests, 4)
  t.ok(s3.seen.every(({ body }) => body.equals(small)), 'the body is sent again whole')
  const [first, second, third] = s3.gaps()
  t.ok(first! >= 25 && second! >= 250 && third! >= 2500, `${first}, ${second}, ${third}`)
})

void t.test('Retry-After is honoured', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => (n === 0 ? refuse(response, 429, 'TooManyRequests', { 'retry-after': '3' }) : stored(n, request, response)))
  await s3.store.write('k', bodyOf(small), context())
  t.ok(s3.gaps()[0]! >= 2900, String(s3.gaps()[0]))
})

void t.test('max_retries ends it with TempFail, the request id, and no secret', async (t) => {
  const s3 = await fakeS3(t, (_, __, response) => refuse(response, 500, 'InternalError'), { parameters: '&max_retries=2' })
  const error: unknown = await s3.store.stat('k', context()).catch((e: unknown) => e)
  t.ok(error instanceof TempFail)
  t.equal(s3.seen.length, 3)
  const got: unknown = await s3.store.read('k', context()).catch((e: unknown) => e)
  t.match(String(got), /500 InternalError \(request REQ1\) after 3 attempts/)
  t.notMatch(String(got), /SECRET/)
})

void t.test('403 is not tried again', async (t) => {
  const s3 = await fakeS3(t, (_, __, response) => refuse(response, 403, 'AccessDenied'))
  await t.rejects(s3.store.write('k', bodyOf(small), context()), TempFail)
  t.equal(s3.seen.length, 1)
})

void t.test('a reset connection and a missing answer are tried again', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => {
    if (n === 0) response.socket!.destroy()
    else if (n > 1) stored(n, request, response)
  }, { parameters: '&timeout=40s' })
  const mine = context()
  await s3.store.write('k', bodyOf(small), mine)
  t.equal(mine.cost.requests, 3)
})

void t.test('absolute_timeout wins over retries', async (t) => {
  const s3 = await fakeS3(t, (_, __, response) => refuse(response, 503, 'SlowDown'), { parameters: '&absolute_timeout_msecs=1000&max_retries=100' })
  await t.rejects(s3.store.stat('k', context()), TempFail)
  t.ok(s3.seen.length <= 3, `${s3.seen.length} attempts`)
})

void t.test('nobody listens: max_connect_retries', async (t) => {
  const closed = buildStack('s3:http://k:s@127.0.0.1:1/?bucket=b&max_connect_retries=1', { timers: fastTimers })
  t.teardown(() => closed.close())
  const mine = context()
  await t.rejects(closed.stat('k', mine), TempFail)
  t.equal(mine.cost.requests, 2)
})

void t.test('only NoSuchKey is "no such object"', async (t) => {
  const codes = ['NoSuchKey', 'NoSuchBucket', '']
  let code = ''
  const s3 = await fakeS3(t, (_, request, response) => {
    if (request.method === 'HEAD') response.writeHead(404).end()
    else if (code === '') response.writeHead(404).end('<html>not here</html>')
    else refuse(response, 404, code)
  })
  for (code of codes) {
    const kind = code === 'NoSuchKey' ? ObjectNotFound : TempFail
    await t.rejects(s3.store.read('k', context()), kind, `GET ${code}`)
    await t.rejects(s3.store.stat('k', context()), kind, `HEAD ${code}`)
    if (code === 'NoSuchKey') await s3.store.delete('k', context())
    else await t.rejects(s3.store.delete('k', context()), TempFail)
  }
})

void t.test('other bytes than were sent are noticed', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => {
    if (n === 0) response.writeHead(200, { etag: `"${md5(Buffer.from('broken'))}"` }).end()
    else stored(n, request, response)
  })
  await s3.store.write('k', bodyOf(content), context())
  t.equal(s3.seen.length, 2)
  t.equal(s3.seen[0]!.headers['content-length'], String(content.length))
  t.equal(s3.seen[0]!.headers['transfer-encoding'], undefined)
  t.equal(s3.seen[0]!.headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD')
  const encrypted = await fakeS3(t, (_, __, response) => response.writeHead(200, { etag: `"${md5(Buffer.from('x'))}"`, 'x-amz-server-side-encryption': 'aws:kms' }).end())
  await encrypted.store.write('k', bodyOf(small), context())
  t.equal(encrypted.seen.length, 1, 'an encrypted object\'s ETag is no MD5')
})

void t.test('a body that breaks off is taken up where it was', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => {
    if (n > 1) { serve(n, request, response); return }
    const start = Number(/^bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0)
    response.writeHead(n === 0 ? 200 : 206, { etag: '"e1"', 'content-length': content.length - start, 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` })
    response.write(content.subarray(start, start + 100_000), () => { response.socket!.destroy() })
  })
  const mine = context()
  const bytes = await collect((await s3.store.read('k', mine)).body, Infinity)
  t.ok(Buffer.from(bytes).equals(content))
  t.equal(mine.cost.requests, 3)
  t.match(s3.seen[1]!.headers.range, /^bytes=\d+-299999$/)
})

void t.test('a body that has changed meanwhile is not sewn together', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => {
    if (n > 0) { serve(n, request, response); return }
    response.writeHead(200, { etag: '"old"', 'content-length': content.length })
    response.write(content.subarray(0, 100_000), () => { response.socket!.destroy() })
  })
  await t.rejects(s3.store.read('k', context()).then((reader) => collect(reader.body, Infinity)), /was changed while it was read/)
})

void t.test('a reader that stalls gives its connection back', async (t) => {
  const s3 = await fakeS3(t, serve, { maxConnections: 1 })
  const reader = await s3.store.read('k', context())
  const chunks = reader.body[Symbol.asyncIterator]()
  const parts = [(await chunks.next()).value!]
  t.equal((await s3.store.stat('k', context())).size, content.length, 'another request gets the one connection')
  for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) parts.push(chunk)
  t.ok(Buffer.concat(parts).equals(content))
  t.match(s3.seen.at(-1)!.headers.range, /^bytes=\d+-299999$/, 'and the rest is asked for by range')
})

void t.test('a conditional write whose answer was lost is recognised', async (t) => {
  let object: { body: Buffer; mark: string } | undefined
  const store: Script = (n, request, response) => {
    const mark = request.headers['x-amz-meta-culver-write'] as string
    if (request.method === 'HEAD') { response.writeHead(200, { etag: `"${md5(object!.body)}"`, 'x-amz-meta-culver-write': object!.mark }).end(); return }
    if (object) { refuse(response, 412, 'PreconditionFailed'); return }
    object = { body: request.body, mark }
    if (n === 0) response.socket!.destroy()
    else response.writeHead(200, { etag: `"${md5(request.body)}"` }).end()
  }
  const s3 = await fakeS3(t, store)
  const { etag } = await s3.store.write('k', bodyOf(small), context(), { condition: { ifAbsent: true } })
  t.equal(etag, md5(small), 'ours: a success')
  await t.rejects(s3.store.write('k', bodyOf(small), context(), { condition: { ifAbsent: true } }), ConditionFailed, 'the same bytes of another writer: not')
})

void t.test('the ETag of If-Match in the form the store takes', async (t) => {
  const forms: (string | undefined)[] = []
  const s3 = await fakeS3(t, (n, request, response) => {
    forms.push(request.headers['if-match'])
    if (request.headers['if-match'] === 'e1') stored(n, request, response)
    else refuse(response, 412, 'PreconditionFailed')
  })
  await s3.store.write('k', bodyOf(small), context(), { condition: { ifMatch: 'e1' } })
  await s3.store.write('k', bodyOf(small), context(), { condition: { ifMatch: 'e1' } })
  t.same(forms, ['"e1"', 'e1', 'e1'], 'what worked once is used at once')
  await t.rejects(s3.store.write('k', bodyOf(small), context(), { condition: { ifMatch: 'e2' } }), ConditionFailed)
})

void t.test('a copy that fails after its 200', async (t) => {
  const s3 = await fakeS3(t, (n, _, response) => response.writeHead(200).end(n === 0 ? '<Error><Code>InternalError</Code></Error>' : '<CopyObjectResult><ETag>"x"</ETag></CopyObjectResult>'))
  await s3.store.copy('a b', 'c', context(), { guid: 'g' })
  t.equal(s3.seen.length, 2)
  t.match(s3.seen[1]!.headers, { 'x-amz-copy-source': '/b/a%20b', 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-dovecot-guid': 'g', 'content-length': '0' })
})

void t.test('a bulk delete names what it could not delete; bulk_delete_limit', async (t) => {
  const answer: Script = (_, request, response) => {
    if (request.method === 'DELETE') { if (request.url.endsWith('/k2')) refuse(response, 403, 'AccessDenied'); else response.writeHead(204).end() }
    else response.writeHead(200).end('<DeleteResult><Error><Key>k2</Key><Code>AccessDenied</Code></Error></DeleteResult>')
  }
  const keys = ['k1', 'k2', 'k3', 'k4', 'k5']
  const bulk = await fakeS3(t, answer, { parameters: '&bulk_delete_limit=5' })
  t.same(await bulk.store.deleteMany(keys, context()), ['k2'])
  t.match(bulk.seen, [{ method: 'POST', url: '/b/?delete=' }])
  t.equal(bulk.seen[0]!.headers['content-md5'], createHash('md5').update(bulk.seen[0]!.body).digest('base64'))
  const two = await fakeS3(t, answer, { parameters: '&bulk_delete_limit=2' })
  await two.store.deleteMany(keys, context())
  t.equal(two.seen.length, 3)
  const single = await fakeS3(t, answer, { parameters: '&bulk_delete_limit=0' })
  t.same(await single.store.deleteMany(keys, context()), ['k2'])
  t.equal(single.seen.length, 5)
})

void t.test('who asks for what is said in headers', async (t) => {
  const s3 = await fakeS3(t, stored, { parameters: '&addhdr=X-Dovecot-Hash:b5/899&addhdr=X-Other:1' })
  await s3.store.write('k', bodyOf(small), { ...context(), user: 'grün@example.com' }, { metadata: { guid: 'g' } })
  t.match(s3.seen[0]!.headers, {
    'x-dovecot-username': 'gr%C3%BCn@example.com', 'x-dovecot-session-id': 's1', 'x-dovecot-reason': 'imap:fetch_body',
    'x-dovecot-hash': 'b5/899', 'x-other': '1', 'x-amz-meta-dovecot-guid': 'g', 'content-md5': createHash('md5').update(small).digest('base64'),
  })
  const silent = await fakeS3(t, stored, { parameters: '&no_trace_headers=1' })
  await silent.store.write('k', bodyOf(small), context())
  t.notOk(Object.keys(silent.seen[0]!.headers).some((name) => name.startsWith('x-dovecot')))
})

void t.test('connections are kept, and bounded', async (t) => {
  const s3 = await fakeS3(t, stored, { maxConnections: 3 })
  await Promise.all(Array.from({ length: 30 }, (_, n) => s3.store.write(`k${n}`, bodyOf(small), context())))
  for (let n = 0; n < 5; n++) await s3.store.write(`k${n}`, bodyOf(small), context())
  t.ok(s3.connections() <= 3, `${s3.connections()} connections for 35 requests`)
})

void t.test('stores that differ for each user share connections; closing lets requests finish', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => { setTimeout(() => stored(n, request, response), 5) }, { maxConnections: 2 })
  const stores = Array.from({ length: 20 }, (_, n) =>
    buildStack(`s3:http://KEY:SECRET@127.0.0.1:${s3.port}/?bucket=b&addhdr=X-Dovecot-Hash:${n}`, { timers: fastTimers }))
  const writes = stores.map((store, n) => store.write(`k${n}`, bodyOf(small), context()))
  for (const store of stores) store.close()
  await Promise.all(writes)
  t.ok(s3.connections() <= 2, `${s3.connections()} connections for 20 stores`)
  t.same(s3.seen.map(({ headers }) => headers['x-dovecot-hash']).sort(), stores.map((_, n) => String(n)).sort())
})

void t.test('cancelled while it waits, for a connection, an answer, a retry', async (t) => {
  const arrived: (() => void)[] = []
  const s3 = await fakeS3(t, (_, request, response) => { if (request.url.endsWith('retry')) refuse(response, 503, 'SlowDown'); arrived.shift()?.() }, { maxConnections: 1, parameters: '&timeout=1h' })
  const controller = new AbortController()
  const answerless = new Promise<void>((resolve) => { arrived.push(resolve) })
  const first = s3.store.stat('answer', { ...context(), signal: controller.signal })
  const queued = s3.store.stat('queued', { ...context(), signal: controller.signal })
  await answerless
  controller.abort()
  await t.rejects(first, Cancelled)
  await t.rejects(queued, Cancelled)
  const retrying = new AbortController()
  const refused = new Promise<void>((resolve) => { arrived.push(resolve) })
  const again = s3.store.read('retry', { ...context(), signal: retrying.signal })
  await refused
  retrying.abort()
  await t.rejects(again, Cancelled)
})

void t.test('slow requests are warned about', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => { setTimeout(() => stored(n, request, response), 20) }, { parameters: '&slow_warn=1ms' })
  await s3.store.write('k', bodyOf(small), context())
  t.match(s3.log, [{ level: 'warning', name: 'storage.slow', user: 'dove@example.com' }])
})

void t.test('the bucket in the host name', async (t) => {
  const seen: string[] = []
  const s3 = await fakeS3(t, (n, request, response) => { seen.push(`${request.headers.host} ${request.url}`); stored(n, request, response) })
  const store = buildStack(`s3:http://k:s@127.0.0.1:${s3.port}/mails/`)
  t.teardown(() => store.close())
  await store.write('a/b', bodyOf(small), context())
  t.same(seen, [`127.0.0.1:${s3.port} /mails/a/b`])
})
