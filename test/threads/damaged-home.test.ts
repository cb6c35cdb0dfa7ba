// A server that is killed under load, and finds files under mail_home with a bit changed when it starts again: everybody can log
// in, nothing that was acknowledged is lost, and what was damaged is rebuilt.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { figure } from '../bench/measure.ts'
import { TestServer } from '../fixtures/server.ts'
import { Deliverer, eventually, login, lost } from './users.ts'

t.setTimeout(110_000)
const rounds = 4
const users = Array.from({ length: 6 }, (_, n) => `damaged${n}@example.com`)

/** Files of a user's local state, those set aside excepted. */
const filesOf = (home: string): string[] => fs.readdirSync(home, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.includes('.broken-') && !entry.name.includes('.tmp'))
  .map((entry) => path.join(entry.parentPath, entry.name)).filter((file) => fs.statSync(file).size > 0).sort()

/** Changes one bit of a file; which one follows from the round. */
function flip(file: string, round: number): void {
  const bytes = fs.readFileSync(file)
  const at = Math.floor(bytes.length * ((round * 0.37 + 0.19) % 1))
  bytes[at]! ^= 1 << (round & 7)
  fs.writeFileSync(file, bytes)
}

await t.test('killed, and damaged, again and again', async (t) => {
  const server = await TestServer.start({ workers: 2, config: 'plugin {\n  metacache_upload_interval = 2 s\n}' })
  t.teardown(() => server.stop())
  const deliverers: Deliverer[] = []
  const damaged = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    const deliverer = new Deliverer(server.lmtpPort, `round-${round}`, users)
    deliverers.push(deliverer)
    const reader = await eventually(() => login(server.imapPort, users[round % users.length]!))
    await reader.command('s', 'SELECT INBOX')
    await reader.command('f', 'STORE 1:* +FLAGS (\\Flagged)')
    await deliverer.progress(3 * users.length)
    await server.kill()
    reader.close()
    await deliverer.stop()
    for (const [n, user] of users.entries()) {
      const files = filesOf(path.join(server.directory, 'home', user))
      const file = files[(round * 5 + n * 3) % files.length]!
      flip(file, round * users.length + n)
      const kind = `${path.basename(path.dirname(file)) === 'root' ? 'root' : 'mailbox'} ${path.basename(file).replace(/\.\d+$/, '')}`
      damaged.set(kind, (damaged.get(kind) ?? 0) + 1)
    }
    await server.run()
    for (const user of users) (await login(server.imapPort, user)).close()
  }
  t.same(await lost(server.imapPort, deliverers), [], 'nothing acknowledged is lost')
  const count = deliverers.reduce((sum, one) => sum + one.count, 0)
  figure(t, `${rounds} kills under load, a bit flipped in ${rounds * users.length} files (${[...damaged].sort().map(([kind, times]) => `${times} ${kind}`).join(', ')}): ${count} letters acknowledged, 0 lost`)
  t.ok(damaged.size > 2, 'files of several kinds')
  t.match(server.output, /set aside and rebuilt|torn tail/, 'some of it was noticed')
})
