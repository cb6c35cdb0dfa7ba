// A site that leaves Dovecot's obox: its mails lie in a real S3 store (radosgw) as Dovecot has put them there, and a server
// that has never seen the user takes them over.

import { createHash } from 'node:crypto'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { Signer, encodePath } from '../../workers/storage/sigv4.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { startRadosgw } from './radosgw.ts'

t.setTimeout(400_000)
const radosgw = await startRadosgw()
t.teardown(() => radosgw?.stop())
const skip = radosgw === undefined ? 'radosgw cannot be installed' : false

const user = 'dove@example.com'
const folders = ['00d7d12ea08a3153175e0000dfbea952', '11e7d12ea08a3153175e0000dfbea952']
const text = (n: number): string => `From: a@example.org\r\nSubject: old mail ${n}\r\n\r\n${'coo coo '.repeat(8 * n)}\r\n`

/** As the obox plugin does: nothing but a PUT with its headers. */
async function put(key: string, body: Uint8Array, metadata: Record<string, string>): Promise<void> {
  const { endpoint, accessKey, secretKey, bucket } = radosgw!
  const path = encodePath(`/${bucket}/${key}`)
  const headers = {
    host: new URL(endpoint).host,
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-dovecot-${name}`, value])),
  }
  const payloadHash = createHash('sha256').update(body).digest('hex')
  const signed = new Signer({ accessKey, secretKey }, 'us-east-1').sign({ method: 'PUT', path, query: [], headers, payloadHash }, Date.now())
  const answer = await fetch(endpoint + path, { method: 'PUT', headers: { ...headers, ...signed }, body: body as Uint8Array<ArrayBuffer> })
  if (!answer.ok) throw new Error(`PUT ${key}: ${answer.status} ${await answer.text()}`)
}

void t.test('mails in the layout of obox are taken over', { skip, timeout: 200_000 }, async (t) => {
  const forms = [(bytes: Buffer) => bytes, gzipSync, deflateSync, zstdCompressSync]
  const count = 40
  for (const [at, folder] of folders.entries()) {
    for (let n = 1; n <= count; n++) {
      const bytes = Buffer.from(text(n))
      const guid = `${n.toString(16).padStart(8, '0')}${folder.slice(8)}`
      const oid = `${n.toString(16).padStart(8, '0')}1d4bf753a1b80000${at}accfe22`
      await put(`site/${user}/mailboxes/${folder}/${oid}`, forms[n % 4]!(bytes), {
        username: user, guid, size: String(bytes.length), received: String(1_400_000_000 + n), saved: String(1_400_000_100 + n), origbox: folders[0]!,
        ...(at === 0 ? { pop3uidl: `uidl-${n}`, pop3order: String(n) } : {}),
      })
    }
    await put(`site/${user}/mailboxes/${folder}/idx/bundle.53f74dc2.0fbcf.c96d802b5d4df75307bb00001accfe2${at}`, Buffer.from('not ours'), { username: user, size: '8' })
  }
  await put(`site/${user}/idx/bundle.53f74dc2.0fbcf.d96d802b5d4df75307bb00001accfe22`, Buffer.from('not ours'), { username: user, size: '8' })

  const server = await TestServer.start({ store: radosgw!.fsString('site') })
  t.teardown(() => server.stop())
  const look = async (): Promise<string[]> => {
    const client = await LineClient.connect(server.imapPort)
    await client.line()
    await client.command('a', `LOGIN ${user} ${password}`)
    const lines: string[] = []
    for (const folder of folders) {
      t.match((await client.command('b', `SELECT ${folder === folders[0] ? 'INBOX' : `recovered-lost-folder-${folder}`}`)).join('\n'), new RegExp(`\\* ${count} EXISTS`))
      const fetched = (await client.command('c', 'UID FETCH 1:* (RFC822.SIZE INTERNALDATE EMAILID BODY.PEEK[])')).join('\n')
      for (let n = 1; n <= count; n++) t.ok(fetched.includes(text(n).replaceAll('\r\n', '\n')), `mail ${n} of ${folder} reads as it was`)
      const facts = fetched.match(/\* \d+ FETCH \(UID \d+ .*$/gm) ?? []
      t.equal(facts.length, count)
      t.ok(facts.every((line, at) => line.includes(`RFC822.SIZE ${text(at + 1).length} `)), 'sizes are those of the mails, compressed or not')
      lines.push(...facts)
    }
    client.close()
    return lines
  }
  const before = await look()
  t.match(before[0], /INTERNALDATE "13-May-2014 16:53:21 \+0000"/)
  // Deliveries go on, as for any user; and another machine knows the same.
  await server.terminate()
  server.wipeHomes()
  await server.run()
  t.same(await look(), before, 'the same UIDs, sizes, dates and identifiers after the local state is lost')
})
