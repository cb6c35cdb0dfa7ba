// A store that takes its time: mail still goes in, many letters at once, and nobody who reads what is in the caches waits for it.

import path from 'node:path'
import t from 'tap'
import { figure } from '../bench/measure.ts'
import { TestServer } from '../fixtures/server.ts'
import { Deliverer, login, lost } from './users.ts'

t.setTimeout(110_000)
const users = Array.from({ length: 12 }, (_, n) => `patient${n}@example.com`)
/** Of each request to the store (ms). */
const slowMs = 800

await t.test('everything takes a second', async (t) => {
  const directory = t.testdir()
  const server = await TestServer.start({
    directory, workers: 2, store: `fscache:64M:${path.join(directory, 'cache')}:delay:${slowMs}-${slowMs + 400}:posix:prefix=${directory}/objects/:no-fsync`,
    config: 'plugin {\n  metacache_upload_interval = 1 s\n}',
  })
  t.teardown(() => server.stop())
  const began = performance.now()
  const deliverers = users.map((user, n) => new Deliverer(server.lmtpPort, `slow-${n}`, [user]))
  await Promise.all(deliverers.map((one) => one.progress(2)))
  const client = await login(server.imapPort, users[0]!)
  const times: number[] = []
  for (let round = 0; round < 15; round++) {
    for (const command of ['SELECT INBOX', 'FETCH 1 (FLAGS BODY.PEEK[])', 'STORE 1 +FLAGS (\\Seen)', 'STATUS INBOX (MESSAGES UIDNEXT)']) {
      const asked = performance.now()
      t.match((await client.command('x', command)).at(-1), /^x OK/)
      times.push(performance.now() - asked)
    }
  }
  client.close()
  await Promise.all(deliverers.map((one) => one.progress(1)))
  await Promise.all(deliverers.map((one) => one.stop()))
  const letters = deliverers.reduce((sum, { count }) => sum + count, 0)
  const oneByOne = (letters * slowMs) / (performance.now() - began)
  const median = times.toSorted((a, b) => a - b)[times.length >> 1]!
  figure(t, `a store that takes ${slowMs} to ${slowMs + 400} ms: cached reads take ${(median / slowMs).toFixed(3)} of that in the median; ${letters} letters at ${oneByOne.toFixed(1)} times the speed of one after the other`)
  t.ok(median < slowMs / 2, `${median} ms for what is in the caches`)
  t.ok(oneByOne > 1.5, 'letters do not wait for each other')
  t.same(deliverers.flatMap(({ refusals }) => refusals), [], 'nothing was refused')
  t.same(await lost(server.imapPort, deliverers), [], 'nothing acknowledged is lost')
})
