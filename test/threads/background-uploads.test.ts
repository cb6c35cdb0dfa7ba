// Index uploads of many users at once: who waits for the server hardly notices; and where the server is to end before all of them
// are done, the rest stays on the disk, and nothing is lost.

import t from 'tap'
import { figure } from '../bench/measure.ts'
import { LmtpClient, letter } from '../fixtures/deliver.ts'
import { S3Double } from '../fixtures/s3-double.ts'
import { TestServer } from '../fixtures/server.ts'
import { limits } from '../../runtime/limits.ts'
import { login, subjects } from './users.ts'

t.setTimeout(220_000)

const many = 200
const users = Array.from({ length: many }, (_, n) => `user${n}@example.com`)
const isIndex = (key: string): boolean => key.includes('/mailboxes/') && key.includes('/idx/')

/** A mail each, a hundred recipients at a time. */
async function toAll(port: number, subject: string): Promise<void> {
  const mta = await LmtpClient.connect(port)
  for (let at = 0; at < many; at += 100) {
    const replies = await mta.deliver(users.slice(at, at + 100), letter(subject))
    if (!replies.every((reply) => reply.startsWith('250 '))) throw new Error(replies.join('\n'))
  }
  mta.close()
}

/** How many have an index in the store. */
const usersOf = (store: S3Double): number => new Set([...store.objects.keys()].filter(isIndex).map((key) => key.split('/mailboxes/')[0])).size

const quantile = (times: readonly number[], share: number): number => times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!

/** A server with an upload to make for each user, which is told to end while its store is far away. What it says of its end. */
async function ending(): Promise<{ store: S3Double; server: TestServer; marked: string[]; end: Promise<{ code: number | null; tookMs: number }> }> {
  const store = await S3Double.start(t)
  const server = await TestServer.start({ store: store.spec, config: 'plugin {\n  obox_max_rescan_mail_count = 0\n}\n' })
  t.teardown(() => server.stop())
  await toAll(server.lmtpPort, 'kept')
  const marked = users.filter((_, n) => n % 10 === 0)
  // Mailboxes that nobody uses are closed, and uploaded, after five seconds.
  await Promise.all(marked.map(async (user) => {
    const client = await login(server.imapPort, user)
    await client.command('a', 'SELECT INBOX')
    const reply = (await client.command('b', 'STORE 1 +FLAGS (\\Flagged kept)')).at(-1)
    if (reply?.startsWith('b OK') !== true) throw new Error(reply)
    client.close()
  }))
  store.delayMs = 8000
  const began = performance.now()
  const end = server.terminate().then((code) => ({ code, tookMs: performance.now() - began }))
  return { store, server, marked, end }
}

// It takes its time, in which there is little to do for anybody: the first test runs meanwhile.
const last = await ending()

await t.test(`deliveries while the indexes of ${many} users go up`, async (t) => {
  const store = await S3Double.start(t)
  const server = await TestServer.start({ store: store.spec, config: 'plugin {\n  obox_max_rescan_mail_count = 0\n  metacache_upload_interval = 1s\n}\n' })
  t.teardown(() => server.stop())
  const lanes = await Promise.all(Array.from({ length: 8 }, () => LmtpClient.connect(server.lmtpPort)))
  /** Times (ms) of deliveries, one after the other on each connection, while `more` says so. */
  const deliveries = async (more: (times: readonly number[]) => boolean): Promise<number[]> => {
    const times: number[] = []
    await Promise.all(lanes.map(async (mta, n) => {
      while (more(times)) {
        const began = performance.now()
        const [reply] = await mta.deliver([`waiting${n}@example.com`], letter('now'))
        times.push(performance.now() - began)
        if (reply?.startsWith('250 ') !== true) throw new Error(reply)
      }
    }))
    return times
  }
  store.holds = (method, key) => method === 'PUT' && isIndex(key)
  await toAll(server.lmtpPort, 'before')
  // From here on the store is far away.
  store.delayMs = 100
  const quiet = (await deliveries((times) => times.length < 160)).slice(20)
  const before = usersOf(store)
  store.release()
  const began = performance.now()
  const during = await deliveries(() => usersOf(store) < many)
  const tookMs = performance.now() - began
  for (const mta of lanes) mta.close()
  store.delayMs = 0
  t.ok(before < 10 && during.length > 50, `${many - before} users were uploaded during ${during.length} deliveries`)
  const [p50, p99, busy50, busy99] = [quantile(quiet, 0.5), quantile(quiet, 0.99), quantile(during, 0.5), quantile(during, 0.99)]
  figure(t, `deliveries over a store 100 ms away, before and while ${many} users' indexes go up for ${(tookMs / 1000).toFixed(1)} s: `
    + `median ${p50.toFixed(0)} and ${busy50.toFixed(0)} ms, p99 ${p99.toFixed(0)} and ${busy99.toFixed(0)} ms`)
  t.ok(busy50 < 1.5 * p50 + 100, 'the median')
  t.ok(busy99 < 2 * p99 + 250, 'the 99th percentile')
})

await t.test('a server that ends before all is uploaded', async (t) => {
  const { store, server, marked } = last
  const { code, tookMs } = await last.end
  t.equal(code, 0)
  t.ok(tookMs < limits.shutdownMs + 3000, `it ended after ${Math.round(tookMs)} ms`)
  const uploaded = usersOf(store)
  t.ok(uploaded < many, `${uploaded} of ${many} users were uploaded`)
  t.match(server.output, /Not everything of \S+ could be uploaded at the end/)
  figure(t, `shutdown with ${many} users to upload to a store 8 s away: ${(tookMs / 1000).toFixed(1)} s, ${uploaded} of them uploaded`)
  store.delayMs = 0
  await server.run()
  const kept = async (some: readonly string[]): Promise<void> => {
    for (const user of marked) {
      const client = await login(server.imapPort, user)
      await client.command('a', 'SELECT INBOX')
      t.match((await client.command('b', 'FETCH 1:* FLAGS')).join('\n'), /FLAGS \(.*(\\Flagged.*kept|kept.*\\Flagged)/, user)
      client.close()
    }
    const missing: string[] = []
    for (const user of some) if ((await subjects(server.imapPort, user)).join() !== 'letter kept') missing.push(user)
    t.same(missing, [], 'the mails of all others are there')
  }
  await kept([])
  t.equal(await server.terminate(), 0)
  server.wipeHomes()
  await server.run()
  await kept(users.filter((_, n) => n % 8 === 1))
})
