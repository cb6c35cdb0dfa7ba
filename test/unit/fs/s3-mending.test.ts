// The s3 driver where something is wrong that can be put right: the clock, the region, the host, the signature's version,
// a role's credentials.

import t from 'tap'
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { TempFail } from '../../../runtime/errors.ts'
import { bodyOf } from '../../../workers/storage/body.ts'
import { context, fakeS3, refuse, serverOf, silent } from './fake-s3.ts'
import type { Script } from './fake-s3.ts'

const small = Buffer.from('a small mail')
const stored: Script = (_, request, response) => { response.writeHead(200, { etag: `"${createHash('md5').update(request.body).digest('hex')}"` }).end() }
const regionOf = (authorization: string | undefined): string | undefined => /\/\d{8}\/([^/]+)\/s3/.exec(authorization ?? '')?.[1]

void t.test('a clock that is wrong: signed by the store\'s from then on', async (t) => {
  const theirs = Date.now() + 3600_000
  const dates: number[] = []
  const s3 = await fakeS3(t, (n, request, response) => {
    const [, y, mo, d, h, mi, s] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(request.headers['x-amz-date'] as string)!
    dates.push(Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s)))
    if (Math.abs(dates.at(-1)! - theirs) > 60_000) refuse(response, 403, 'RequestTimeTooSkewed', { date: new Date(theirs).toUTCString() })
    else stored(n, request, response)
  })
  await s3.store.write('k', bodyOf(small), context())
  await s3.store.write('k', bodyOf(small), context())
  t.equal(s3.seen.length, 3, 'told once, then right')
  t.match(s3.log, [{ level: 'warning', name: 'storage.clock' }])
})

void t.test('a clock that stays wrong ends it', async (t) => {
  const s3 = await fakeS3(t, (_, __, response) => refuse(response, 403, 'RequestTimeTooSkewed', { date: new Date(Date.now() + 3600_000).toUTCString() }))
  await t.rejects(s3.store.write('k', bodyOf(small), context()), /RequestTimeTooSkewed/)
  t.ok(s3.seen.length <= 3, String(s3.seen.length))
})

void t.test('another region', async (t) => {
  const s3 = await fakeS3(t, (n, request, response) => {
    if (regionOf(request.headers.authorization) === 'eu-north-1') { stored(n, request, response); return }
    response.writeHead(400).end('<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-north-1</Region></Error>')
  })
  await s3.store.write('k', bodyOf(small), context())
  await s3.store.write('k', bodyOf(small), context())
  t.same(s3.seen.map(({ headers }) => regionOf(headers.authorization)), ['us-east-1', 'eu-north-1', 'eu-north-1'])
})

void t.test('307 for one request, 301 for all; the region that comes with it', async (t) => {
  const other = await fakeS3(t, stored)
  let status = 307
  const s3 = await fakeS3(t, (_, request, response) => {
    response.writeHead(status, { location: `http://127.0.0.1:${other.port}${request.url}`, 'x-amz-bucket-region': 'eu-west-9' }).end()
  })
  await s3.store.write('k one', bodyOf(small), context())
  await s3.store.write('k', bodyOf(small), context())
  t.equal(s3.seen.length, 2, 'asked at the first place again')
  status = 301
  await s3.store.write('k', bodyOf(small), context())
  await s3.store.write('k', bodyOf(small), context())
  t.equal(s3.seen.length, 3, 'the last one went there at once')
  t.equal(other.seen.length, 4)
  t.match(other.seen[0], { url: '/b/k%20one', headers: { host: `127.0.0.1:${other.port}` } })
  t.ok(other.seen[0]!.body.equals(small))
  t.equal(regionOf(other.seen[0]!.headers.authorization), 'eu-west-9')
})

void t.test('redirects in a circle, or to another scheme, end', async (t) => {
  const circle = await fakeS3(t, (_, request, response) => { response.writeHead(307, { location: `http://${request.headers.host}${request.url}` }).end() })
  await t.rejects(circle.store.write('k', bodyOf(small), context()), TempFail)
  t.equal(circle.seen.length, 5)
  const elsewhere = await fakeS3(t, (_, __, response) => { response.writeHead(307, { location: 'https://127.0.0.1:1/b/k' }).end() })
  await t.rejects(elsewhere.store.write('k', bodyOf(small), context()), TempFail)
  t.equal(elsewhere.seen.length, 1)
})

void t.test('a store of old that knows v2 only; never where a region was given', async (t) => {
  const old: Script = (n, request, response) => {
    if (request.headers.authorization!.startsWith('AWS KEY:')) { stored(n, request, response); return }
    response.writeHead(400).end('<Error><Code>InvalidArgument</Code><Message>Unsupported Authorization Type</Message></Error>')
  }
  const s3 = await fakeS3(t, old)
  await s3.store.write('k', bodyOf(small), context())
  await s3.store.write('k', bodyOf(small), context())
  t.equal(s3.seen.length, 3)
  const told = await fakeS3(t, old, { parameters: '&signature=v2' })
  await told.store.write('k', bodyOf(small), context())
  t.equal(told.seen.length, 1)
  const v4 = await fakeS3(t, old, { parameters: '&region=r' })
  await t.rejects(v4.store.write('k', bodyOf(small), context()), TempFail)
})

/** An instance metadata service that gives a new pair each time. */
const metadata = (t: Parameters<typeof serverOf>[0], lifeMs: () => number, tokens = true): ReturnType<typeof serverOf> => {
  let given = 0
  return serverOf(t, (_, { method, url, headers }, response) => {
    if (method === 'PUT' && url === '/latest/api/token') { response.writeHead(tokens ? 200 : 404).end(tokens ? 'TOKEN' : ''); return }
    if (tokens && headers['x-aws-ec2-metadata-token'] !== 'TOKEN') { response.writeHead(401).end(); return }
    if (url !== '/latest/meta-data/iam/security-credentials/mail') { response.writeHead(404).end(); return }
    response.end(JSON.stringify({ Code: 'Success', AccessKeyId: `A${++given}`, SecretAccessKey: 's', Token: `T${given}`, Expiration: new Date(Date.now() + lifeMs()).toISOString() }))
  })
}
const keyOf = (authorization: string | undefined): string | undefined => /Credential=([^/]+)/.exec(authorization ?? '')?.[1]

void t.test('a role\'s credentials: fetched once, sent with their token, replaced when the store calls them expired', async (t) => {
  const imds = await metadata(t, () => 3600_000)
  let expired = ''
  const s3 = await fakeS3(t, (n, request, response) => {
    if (keyOf(request.headers.authorization) === expired) refuse(response, 400, 'ExpiredToken')
    else stored(n, request, response)
  }, { userinfo: '', parameters: `&auth_role=mail&auth_host=127.0.0.1:${imds.port}&addhdrvar=X-T:%25%7Bauth:token%7D` })
  await Promise.all([s3.store.write('k', bodyOf(small), context()), s3.store.write('k2', bodyOf(small), context())])
  t.equal(imds.seen.filter(({ method }) => method === 'GET').length, 1)
  t.match(s3.seen[0]!.headers, { 'x-amz-security-token': 'T1', 'x-t': 'T1', authorization: /x-amz-security-token/ })
  expired = 'A1'
  await s3.store.write('k', bodyOf(small), context())
  t.equal(keyOf(s3.seen.at(-1)!.headers.authorization), 'A2')
})

void t.test('renewed ahead of their end, in the background', async (t) => {
  let life = 200
  const imds = await metadata(t, () => life, false)
  const s3 = await fakeS3(t, stored, { userinfo: '', parameters: `&auth_role=mail&auth_host=127.0.0.1:${imds.port}` })
  await s3.store.write('k', bodyOf(small), context())
  life = 3600_000
  const until = Date.now() + 5000
  while (keyOf(s3.seen.at(-1)!.headers.authorization) === 'A1' && Date.now() < until) await s3.store.write('k', bodyOf(small), context())
  t.equal(keyOf(s3.seen.at(-1)!.headers.authorization), 'A2', 'and IMDSv1 will do')
})

void t.test('no such role, no service: TempFail', async (t) => {
  const imds = await metadata(t, () => 3600_000)
  for (const where of [`auth_role=other&auth_host=127.0.0.1:${imds.port}`, 'auth_role=mail&auth_host=127.0.0.1:1']) {
    const s3 = await fakeS3(t, stored, { userinfo: '', parameters: `&${where}` })
    await t.rejects(s3.store.write('k', bodyOf(small), context()), TempFail)
    t.equal(s3.seen.length, 0)
  }
})

void t.test('a SlowDown storm under load passes, and everything is stored once', async (t) => {
  const kept = new Map<string, number>()
  let storm = 60
  const s3 = await fakeS3(t, (n, request, response) => {
    if (storm-- > 0) { refuse(response, 503, 'SlowDown'); return }
    kept.set(request.url, (kept.get(request.url) ?? 0) + 1)
    stored(n, request, response)
  }, { maxConnections: 8 })
  await Promise.all(Array.from({ length: 30 }, (_, n) => s3.store.write(`k${n}`, bodyOf(small), context())))
  t.equal(kept.size, 30)
  t.ok([...kept.values()].every((times) => times === 1))
})

void t.test('a PUT that succeeded but was answered with an error', async (t) => {
  const objects = new Map<string, { body: Buffer; mark: string | undefined }>()
  let failing = true
  const s3 = await fakeS3(t, (n, request, response) => {
    const held = objects.get(request.url)
    if (request.method === 'HEAD') { response.writeHead(200, { etag: `"${createHash('md5').update(held!.body).digest('hex')}"`, ...(held!.mark ? { 'x-amz-meta-culver-write': held!.mark } : {}) }).end(); return }
    if (request.headers['if-none-match'] === '*' && held) { refuse(response, 412, 'PreconditionFailed'); return }
    objects.set(request.url, { body: request.body, mark: request.headers['x-amz-meta-culver-write'] as string | undefined })
    if (failing) { failing = false; refuse(response, 500, 'InternalError') } else stored(n, request, response)
  })
  await s3.store.write('k', bodyOf(small), context())
  t.equal(s3.seen.length, 2, 'the same bytes again')
  failing = true
  const { etag } = await s3.store.write('c', bodyOf(small), context(), { condition: { ifAbsent: true } })
  t.equal(etag, createHash('md5').update(small).digest('hex'), 'and with a condition: found to be ours')
})

void t.test('a bare answer, a body cut short by a wrong length: temporary', async (t) => {
  const s3 = await fakeS3(t, (_, __, response) => {
    response.socket!.end('HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 100\r\n\r\nonly this')
  }, { parameters: '&max_retries=1' })
  const reader = await s3.store.read('k', context())
  await t.rejects((async () => { for await (const _ of reader.body); })(), TempFail)
})

void t.test('headers of answers in messages: loghdr', async (t) => {
  const s3 = await fakeS3(t, (_, __, response) => refuse(response, 403, 'AccessDenied', { 'x-amz-id-2': 'ID2' }), { parameters: '&loghdr=x-amz-id-2' })
  await t.rejects(s3.store.write('k', bodyOf(small), context()), { message: /\(x-amz-id-2: ID2\)/ })
})

void t.test('aws-s3 tells what Amazon asks for', async (t) => {
  const script: Script = (_, __, response) => refuse(response, 403, 'AccessDenied', { 'x-amz-id-2': 'ID2' })
  for (const parameters of [undefined, '', '&loghdr=x-mine']) {
    const s3 = await fakeS3(t, script, { scheme: 'aws-s3', ...(parameters === undefined ? {} : { parameters }) })
    await t.rejects(s3.store.write('k', bodyOf(small), context()), { message: /\(x-amz-request-id: REQ1, x-amz-id-2: ID2\)/ })
    t.equal(s3.seen[0]!.url, '/b/k')
  }
})

void t.test('reason_header_max_length', async (t) => {
  for (const [parameters, told] of [['&reason_header_max_length=5', 'imap:'], ['&reason_header_max_length=0', undefined]] as const) {
    const s3 = await fakeS3(t, stored, { parameters })
    await s3.store.write('k', bodyOf(small), context())
    t.equal(s3.seen[0]!.headers['x-dovecot-reason'], told)
    t.equal(s3.seen[0]!.headers['x-dovecot-session-id'], 's1')
  }
})

void t.test('a time-out of reads alone; absolute_timeout while an answer is awaited', async (t) => {
  const s3 = await fakeS3(t, silent, { parameters: '&read_timeout=1s&read_max_retries=0' })
  await t.rejects(s3.store.stat('k', context()), /within 1000 ms/)
  const absolute = await fakeS3(t, silent, { parameters: '&timeout=1h&absolute_timeout=2s' })
  await t.rejects(absolute.store.stat('k', context()), /absolute_timeout/)
})
