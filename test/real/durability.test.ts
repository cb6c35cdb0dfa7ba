// Mail against a real S3 store (radosgw): delivered, the server killed with SIGKILL, read again; and once more with the whole
// local state gone in between, as on a new machine.

import t from 'tap'
import { deliverLetters } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { startRadosgw } from './radosgw.ts'

const user = 'durable@example.com'

async function login(server: TestServer): Promise<LineClient> {
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('a', `LOGIN ${user} ${password}`)
  return client
}

/** UID → subject of the INBOX, and its UIDVALIDITY. */
async function inbox(server: TestServer): Promise<{ uidValidity: string; subjects: Map<number, string>; flagged: string; bodies: string }> {
  const client = await login(server)
  const selected = (await client.command('b', 'SELECT INBOX')).join('\n')
  const fetched = (await client.command('c', 'UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])')).join('\n')
  const subjects = new Map([...fetched.matchAll(/UID (\d+)[^\n]*\n(?:Subject: (.*)\n)/gi)].map((match) => [Number(match[1]), match[2]!]))
  const flagged = (await client.command('d', 'UID SEARCH FLAGGED')).find((line) => line.startsWith('* SEARCH')) ?? ''
  const bodies = (await client.command('e', 'FETCH 1:* BODY.PEEK[TEXT]')).join('\n')
  client.close()
  return { uidValidity: /UIDVALIDITY (\d+)/.exec(selected)?.[1] ?? '', subjects, flagged, bodies }
}

t.setTimeout(400_000)
const radosgw = await startRadosgw()
void t.test('deliver, kill -9, wipe, read', { skip: radosgw === undefined ? 'radosgw cannot be installed' : false, timeout: 240_000 }, async (t) => {
  const server = await TestServer.start({ store: radosgw!.fsString('durability') })
  t.teardown(() => server.stop())
  await deliverLetters(server.lmtpPort, user, 1, 30)
  const client = await login(server)
  await client.command('b', 'SELECT INBOX')
  t.match((await client.command('c', 'UID STORE 7 +FLAGS (\\Flagged)')).at(-1)!, /^c OK/)
  await server.kill()

  await server.run()
  const before = await inbox(server)
  t.equal(before.subjects.size, 30, 'after kill -9: every acknowledged mail')
  t.equal(before.flagged, '* SEARCH 7', 'and the flag')
  for (let n = 1; n <= 30; n++) t.match(before.bodies, `This is letter ${n}.`)

  t.equal(await server.terminate(), 0, 'a clean stop uploads the index')
  server.wipeHomes()
  await server.run()
  const after = await inbox(server)
  t.equal(after.uidValidity, before.uidValidity, 'an empty mail_home finds the same mailbox')
  t.strictSame([...after.subjects], [...before.subjects], 'with the same UIDs')
  t.equal(after.flagged, '* SEARCH 7', 'and the flags of the uploaded index')

  await deliverLetters(server.lmtpPort, user, 31, 36)
  await server.kill()
  server.wipeHomes()
  await server.run()
  const last = await inbox(server)
  t.equal(last.subjects.size, 36, 'mails newer than the index are found by listing')
  t.equal(last.uidValidity, before.uidValidity)
  const uids = [...last.subjects.keys()]
  t.strictSame(uids.slice(0, 30), [...before.subjects.keys()], 'UIDs of the mails before are as they were')
  t.strictSame(uids, [...new Set(uids)].sort((a, b) => a - b), 'and no UID twice')
})
t.teardown(() => radosgw?.stop())
