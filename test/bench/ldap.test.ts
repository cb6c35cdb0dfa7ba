// Logins over LDAP, in the auth pool and through a whole server by IMAP, beside what ldapts alone can ask of the same slapd
// with as many connections and the same questions (a search for the user, a bind as the user).

import fs from 'node:fs'
import path from 'node:path'
import { Client } from 'ldapts'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer } from '../fixtures/server.ts'
import { Slapd, admin, suffix } from '../real/slapd.ts'
import { passdb } from '../unit/auth/double.ts'
import { AuthPool } from '../../workers/auth-pool.ts'
import { figure } from './measure.ts'

const users = 200
const workers = 4
const seed = fs.readFileSync(path.resolve(import.meta.dirname, '../../conf/dovecot-ldap-backend.conf.ext'), 'utf8')
const slapd = await Slapd.create({ users })

/** Runs `one` for users 1 … `count`, `workers` at a time; how many a second. */
async function rate(count: number, one: (worker: number, n: number) => Promise<void>): Promise<number> {
  const started = performance.now()
  let next = 0
  await Promise.all(Array.from({ length: workers }, async (_, worker) => {
    while (next < count) await one(worker, next++ % users + 1)
  }))
  return count / ((performance.now() - started) / 1000)
}

void t.test('logins a second', { skip: slapd === undefined ? 'needs slapd' : false, timeout: 120_000 }, async (t) => {
  if (slapd === undefined) return
  t.teardown(() => slapd.stop())
  const ext = path.join(slapd.directory, 'ldap.ext')
  fs.writeFileSync(ext, seed.replace(/^hosts = .*$/m, `hosts = 127.0.0.1:${slapd.port}`))
  const database = (kind: string): string => `${kind} {\n  driver = ldap\n  args = ${ext}\n}\n`
  const server = await TestServer.start({
    databases: `${database('passdb')}userdb {\n  driver = prefetch\n}\n${database('userdb')}`, config: `auth_worker_max_count = ${workers}`,
  })
  t.teardown(() => server.stop())
  let failed = 0
  const login = async (_: number, n: number): Promise<void> => {
    const client = await LineClient.connect(server.imapPort)
    await client.line()
    const reply = await client.command('a', `LOGIN u${n}@example.com pw${n}`)
    if (!reply.at(-1)!.startsWith('a OK')) failed++
    client.close()
  }
  const pool = new AuthPool({ auth_worker_max_count: workers, passdb: [passdb({ driver: 'ldap', args: ext })], userdb: [] })
  t.teardown(() => pool.stop())
  const verify = async (_: number, n: number): Promise<void> => {
    const { status } = await pool.run({ kind: 'verify', driver: 'ldap', args: ext, variables: { user: `u${n}@example.com` }, password: `pw${n}` })
    if (status !== 'ok') failed++
  }
  const url = `ldap://127.0.0.1:${slapd.port}`
  const pairs = await Promise.all(Array.from({ length: workers }, async () => {
    const searches = new Client({ url })
    await searches.bind(admin.dn, admin.password)
    return { searches, binds: new Client({ url }) }
  }))
  t.teardown(() => Promise.all(pairs.flatMap(({ searches, binds }) => [searches.unbind(), binds.unbind()])))
  const bare = async (worker: number, n: number): Promise<void> => {
    const { searches, binds } = pairs[worker]!
    const { searchEntries } = await searches.search(suffix, { filter: `(mailRoutingAddress=u${n}@example.com)`, attributes: ['mailRoutingAddress', 'messageQuotaHard'] })
    await binds.bind(searchEntries[0]!.dn, `pw${n}`)
  }

  const measure = async (one: typeof bare, count: number): Promise<number> => {
    await rate(users, one) // warm: neither the compiler nor starting threads is what we measure
    return rate(count, one)
  }
  const alone = await measure(bare, 4 * users)
  const pooled = await measure(verify, 4 * users)
  const through = await measure(login, users)
  t.equal(failed, 0, 'every login succeeds')
  const percent = (part: number): string => `${(part / alone * 100).toFixed(0)} %`
  figure(t, `logins a second over LDAP, ${workers} auth workers: ${percent(pooled)} in the auth pool, ${percent(through)} by IMAP, of what ldapts alone makes on as many connections`)
  t.ok(pooled / alone > 0.05 && through / alone > 0.01, 'no login waits for something that has nothing to do with it')
})
