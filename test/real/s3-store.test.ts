// The contract of object stores over the s3 driver and a real S3 server (radosgw): directly, under compress, and through
// the storage worker's thread; and what only a real server can show.

import t from 'tap'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import type { RequestContext } from '../../runtime/effects.ts'
import { ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { buildStack } from '../../workers/fs/stack.ts'
import { bodyOf } from '../../workers/storage/body.ts'
import { tlsOf } from '../../workers/storage/tls.ts'
import { objectStoreContract } from '../contract/object-store.ts'
import { startStorageThread } from '../contract/storage-thread.ts'
import { Authority, certificatePackages } from '../fixtures/certificates.ts'
import { deliverLetters } from '../fixtures/deliver.ts'
import { TestServer } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'
import { login } from '../threads/users.ts'
import { startRadosgw } from './radosgw.ts'

t.setTimeout(400_000)
requirePackages(certificatePackages)
const authority = new Authority(path.join(t.testdir(), 'authority'))
const radosgw = await startRadosgw({ certificate: authority.pair('store', '/CN=store', ['127.0.0.1']) })
t.teardown(() => radosgw?.stop())
const skip = radosgw === undefined ? 'radosgw cannot be installed' : false
const context = (): RequestContext & { cost: { requests: number; waitMs: number } } => ({ user: 'dove', reason: 'test:s3', cost: { requests: 0, waitMs: 0 } })

void t.test('s3', { skip, timeout: 120_000 }, async (t) => {
  const store = buildStack(radosgw!.fsString('plain'))
  await objectStoreContract(t, store, 'b5/899/dove@example.com')
  store.close()
})

void t.test('compress over s3', { skip, timeout: 120_000 }, async (t) => {
  const store = buildStack(`compress:gz:6:${radosgw!.fsString('compressed')}`)
  await objectStoreContract(t, store, 'area', { storedSizes: true })
  store.close()
})

void t.test('s3 through the storage worker', { skip, timeout: 120_000 }, async (t) => {
  const thread = await startStorageThread()
  t.teardown(() => thread.stop())
  await objectStoreContract(t, thread.open(radosgw!.fsString('thread')), 'area')
})

void t.test('s3 with signatures of version 2', { skip, timeout: 120_000 }, async (t) => {
  const store = buildStack(`${radosgw!.fsString('v2')}&signature=v2`)
  await objectStoreContract(t, store, 'b5/899/dove@example.com')
  store.close()
})

const secureString = (prefix: string): string => radosgw!.fsString(prefix).replace(/^s3:http:(.*)@[^/]*\//, (_, key: string) => `s3:https:${key}@${new URL(radosgw!.secureEndpoint).host}/`)
const tlsSettings = { ssl_client_ca_file: '', ssl_client_ca_dir: '', ssl_client_cert: '', ssl_client_key: '', ssl_client_require_valid_cert: true }

void t.test('s3 over https, whose certificate an authority of ours has signed', { skip, timeout: 120_000 }, async (t) => {
  const store = buildStack(secureString('tls'), { tls: tlsOf({ ...tlsSettings, ssl_client_ca_file: authority.cert }) })
  await objectStoreContract(t, store, 'b5/899/dove@example.com')
  store.close()
  const unknown = buildStack(`${secureString('tls')}&max_retries=0&max_connect_retries=0`)
  const error: unknown = await unknown.list('', context()).catch((e: unknown) => e)
  t.ok(error instanceof TempFail, 'an authority that nobody knows')
  t.match(error, { message: /certificate/ })
  unknown.close()
  const careless = buildStack(secureString('tls'), { tls: tlsOf({ ...tlsSettings, ssl_client_require_valid_cert: false }) })
  t.same((await careless.list('nothing/', context())).objects, [])
  careless.close()
})

void t.test('a whole server over https', { skip, timeout: 120_000 }, async (t) => {
  const server = await TestServer.start({ store: `compress:gz:6:${secureString('server')}`, config: `ssl_client_ca_file = ${authority.cert}\n` })
  t.teardown(() => server.stop())
  await deliverLetters(server.lmtpPort, 'dove@example.com', 1, 3)
  server.wipeHomes()
  const client = await login(server.imapPort, 'dove@example.com')
  await client.command('a', 'SELECT INBOX')
  t.match((await client.command('b', 'FETCH 3 BODY[TEXT]')).join('\n'), 'This is letter 3.')
  client.close()
})

void t.test('a listing of more than a page, and a bulk delete of it', { skip, timeout: 240_000 }, async (t) => {
  const store = buildStack(radosgw!.fsString('many'))
  const keys = Array.from({ length: 1200 }, (_, n) => `box/${String(n).padStart(5, '0')}`)
  const left = keys.values()
  await Promise.all(Array.from({ length: 32 }, async () => { for (const key of left) await store.write(key, bodyOf(new Uint8Array(1)), context()) }))
  const first = await store.list('box/', context())
  t.equal(first.objects.length, 1000)
  const second = await store.list('box/', context(), { after: first.next! })
  t.same([...first.objects, ...second.objects].map(({ key }) => key), keys)
  t.equal(second.next, undefined)
  const deleting = context()
  t.same(await store.deleteMany(keys, deleting), [])
  t.equal(deleting.cost.requests, 2, '1200 deletes are two requests')
  t.same((await store.list('box/', context())).objects, [])
  store.close()
})

void t.test('a wrong key, a missing bucket: TempFail, and no secret in its text', { skip }, async (t) => {
  const { endpoint, accessKey, secretKey, bucket } = radosgw!
  const host = endpoint.slice('http://'.length)
  const open = (secret: string, name: string): ReturnType<typeof buildStack> => buildStack(`s3:http://${accessKey}:${secret}@${host}/?bucket=${name}`)
  const secret = randomBytes(9).toString('hex')
  const stores = [open(secret, bucket), open(secretKey, 'no-such-bucket')]
  for (const store of stores) {
    for (const action of [() => store.read('x', context()), () => store.stat('x', context()), () => store.write('x', bodyOf(new Uint8Array(1)), context()), () => store.list('', context()), () => store.delete('x', context())]) {
      const error: unknown = await action().catch((e: unknown) => e)
      t.ok(error instanceof TempFail, String(error))
      t.notMatch(String(error), secretKey)
      t.notMatch(String(error), secret)
    }
    store.close()
  }
  const store = open(secretKey, bucket)
  await t.rejects(store.stat('x', context()), ObjectNotFound)
  store.close()
})
