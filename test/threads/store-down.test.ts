// The store is away for a while under load: who reads what is in the caches notices nothing, MTAs hear 451, clients that write
// hear [UNAVAILABLE], nothing that was acknowledged is lost, and when it is back it is not run over.

import path from 'node:path'
import t from 'tap'
import { figure } from '../bench/measure.ts'
import { startCdmiDouble } from '../fixtures/cdmi-double.ts'
import type { CdmiDouble } from '../fixtures/cdmi-double.ts'
import type { LineClient } from '../fixtures/line-client.ts'
import { TestServer } from '../fixtures/server.ts'
import { Deliverer, eventually, login, lost } from './users.ts'

t.setTimeout(110_000)
const users = Array.from({ length: 8 }, (_, n) => `steady${n}@example.com`)

const double = await startCdmiDouble()
t.teardown(() => { double.stop() })
const directory = t.testdir()
const server = await TestServer.start({
  directory, workers: 2, store: `fscache:64M:${path.join(directory, 'cache')}:scality:http://user:pass@127.0.0.1:${double.port}/mails/?timeout=5s&max_retries=1`,
  config: 'plugin {\n  metacache_upload_interval = 2 s\n}',
})
t.teardown(() => server.stop())

/** How the store is away. */
const ways: Record<string, CdmiDouble['interfere']> = {
  'connections are cut': (_, response) => { response.destroy(); return true },
  'everything is answered with 503': (_, response) => { response.writeHead(503).end(); return true },
}

/** Requests for `letters` more letters of all deliverers together, and how long that took (ms). */
async function traffic(deliverers: Deliverer[], letters: number): Promise<{ requests: number; ms: number }> {
  const [from, began] = [double.seen.length, performance.now()]
  await Promise.all(deliverers.map((one) => one.progress(letters / deliverers.length)))
  return { requests: double.seen.length - from, ms: performance.now() - began }
}

/** Settles when the deliverers have heard so many refusals more. */
async function refused(deliverers: Deliverer[], more: number): Promise<void> {
  const count = (): number => deliverers.reduce((sum, { refusals }) => sum + refusals.length, 0)
  const until = count() + more
  await eventually(async () => { if (count() < until) throw new Error(`${until - count()} refusals are missing`) })
}

const last = async (client: LineClient, command: string): Promise<string> => (await client.command('x', command)).at(-1)!

async function append(client: LineClient, mail: string): Promise<string> {
  client.send(`p APPEND INBOX {${mail.length}+}\r\n${mail}\r\n`)
  return (await client.until(/^p /)).at(-1)!
}

const all: Deliverer[] = []
for (const [way, interfere] of Object.entries(ways)) {
  await t.test(way, async (t) => {
    const deliverers = Array.from({ length: 3 }, (_, n) => new Deliverer(server.lmtpPort, `${all.length}-${n}`, users))
    all.push(...deliverers)
    await traffic(deliverers, 60)
    const before = await traffic(deliverers, 120)
    const reader = await login(server.imapPort, users[0]!)
    t.match(await last(reader, 'SELECT INBOX'), /^x OK/)

    double.interfere = interfere
    await refused(deliverers, 20)
    const heard = deliverers.map(({ refusals }) => refusals.length)
    t.match(await last(reader, 'FETCH 1:5 (FLAGS BODY.PEEK[])'), /^x OK/, 'bodies come from the cache')
    t.match(await last(reader, 'STORE 1 +FLAGS (\\Flagged)'), /^x OK/, 'flags can be changed')
    t.match(await append(reader, 'Subject: x\r\n\r\nx\r\n'), /^p NO \[UNAVAILABLE\]/, 'what needs the store is refused for now')
    t.match(await last(reader, 'NOOP'), /^x OK/, 'and the session goes on')
    const another = await login(server.imapPort, users[1]!)
    t.match(await last(another, 'SELECT INBOX'), /^x OK/, 'a new session opens a user who is here')
    t.match(await last(another, 'FETCH 1 BODY.PEEK[]'), /^x OK/)
    another.close()
    await refused(deliverers, 60)
    const during = deliverers.flatMap(({ refusals }, n) => refusals.slice(heard[n]))
    t.same(during.filter((reply) => !/^451 |: 451/.test(reply)), [], 'MTAs hear 451')

    double.interfere = undefined
    const after = await traffic(deliverers, 120)
    await Promise.all(deliverers.map((one) => one.stop()))
    const herd = after.requests / before.requests
    figure(t, `${way}: requests for 120 letters ${before.requests} before, ${after.requests} from the moment it is back (${herd.toFixed(2)}); rate ${((herd * before.ms) / after.ms).toFixed(2)}`)
    // What was held back (uploads of indexes, objects that failed) comes once for each mailbox, and no more.
    t.ok(after.requests <= 2 * before.requests + 10 * users.length, `${after.requests} requests for what takes ${before.requests} else`)
    t.match(await append(reader, 'Subject: x\r\n\r\nx\r\n'), /^p OK/, 'the session that was refused goes on')
    reader.close()
    t.same(await lost(server.imapPort, all), [], 'nothing acknowledged is lost')
  })
}

await t.test('and on another machine, everything is there', async (t) => {
  t.equal(await server.terminate(), 0)
  server.wipeHomes()
  await server.run()
  t.same(await lost(server.imapPort, all), [])
  const client = await login(server.imapPort, users[0]!)
  await client.command('s', 'SELECT INBOX')
  t.match((await client.command('f', 'FETCH 1 FLAGS')).join('\n'), /\\Flagged/, 'flags changed meanwhile, too')
  client.close()
})
