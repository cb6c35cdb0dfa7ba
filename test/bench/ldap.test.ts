// Logins over LDAP, 10,000 users in the seed's schema: in the auth pool and through a whole server by IMAP, with 1, 4 and 16
// look-ups at a time, beside what ldapts alone makes of the same questions (a search for the user, a bind as the user) on as many
// connections to the same slapd.

import fs from 'node:fs'
import path from 'node:path'
import { Client } from 'ldapts'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { TestServer } from '../fixtures/server.ts'
import { Slapd, admin, suffix } from '../real/slapd.ts'
import { passdb } from '../unit/auth/double.ts'
import { AuthPool } from '../../workers/auth-pool.ts'
import { cpuSeconds, figure } from './measure.ts'

const users = 10_000
/** Those of them who log in by IMAP. */
const known = 60
const seed = fs.readFileSync(path.resolve(import.meta.dirname, '../../conf/dovecot-ldap-backend.conf.ext'), 'utf8')
const slapd = await Slapd.create({ users })

/** Logs in the next user; `lane`: one of those that run at a time. */
type One = (lane: number, n: number) => Promise<void>

let next = 0

/** How many a second, `lanes` at a time, of users that follow one another. */
async function rate(count: number, lanes: number, one: One): Promise<number> {
  const started = performance.now()
  let left = count
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    while (left-- > 0) await one(lane, next++ % users + 1)
  }))
  return count / ((performance.now() - started) / 1000)
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!

void t.test('logins a second', { skip: slapd === undefined ? 'needs slapd' : false, timeout: 180_000 }, async (t) => {
  if (slapd === undefined) return
  t.teardown(() => slapd.stop())
  const ext = path.join(slapd.directory, 'ldap.ext')
  fs.writeFileSync(ext, seed.replace(/^hosts = .*$/m, `hosts = 127.0.0.1:${slapd.port}`))
  const database = (kind: string): string => `${kind} {\n  driver = ldap\n  args = ${ext}\n}\n`
  const server = await TestServer.start({ databases: `${database('passdb')}userdb {\n  driver = prefetch\n}\n${database('userdb')}` })
  t.teardown(() => server.stop())
  const pool = new AuthPool({ auth_worker_max_count: 1, passdb: [passdb({ driver: 'ldap', args: ext })], userdb: [] })
  t.teardown(() => pool.stop())
  let failed = 0
  const pooled: One = async (_, n) => {
    const { status } = await pool.run({ kind: 'verify', driver: 'ldap', args: ext, variables: { user: `u${n}@example.com` }, password: `pw${n}` })
    if (status !== 'ok') failed++
  }
  // Of users that have logged in before: the first time makes their mailboxes, which is another matter.
  const byImap: One = async (_, some) => {
    const n = some % known + 1
    const client = await LineClient.connect(server.imapPort)
    await client.line()
    const reply = await client.command('a', `LOGIN u${n}@example.com pw${n}`)
    if (!reply.at(-1)!.startsWith('a OK')) failed++
    client.close()
  }
  const url = `ldap://127.0.0.1:${slapd.port}`
  const pairs: { searches: Client; binds: Client }[] = []
  const bare: One = async (lane, n) => {
    const { searches, binds } = pairs[lane]!
    const { searchEntries } = await searches.search(suffix, { filter: `(mailRoutingAddress=u${n}@example.com)`, attributes: ['mailRoutingAddress', 'messageQuotaHard'] })
    await binds.bind(searchEntries[0]!.dn, `pw${n}`)
  }
  t.teardown(() => Promise.all(pairs.flatMap(({ searches, binds }) => [searches.unbind(), binds.unbind()])))
  const setWorkers = async (count: number): Promise<void> => {
    pool.resize(count)
    const { code } = await runProgram(process.execPath, [path.resolve(import.meta.dirname, '../../workers/cli.ts'), 'adm', '-S', path.join(server.directory, 'run/doveadm-server'), 'workers', 'auth', String(count)])
    if (code !== 0) throw new Error('workers cannot be set')
    while (pairs.length < count) {
      const pair = { searches: new Client({ url }), binds: new Client({ url }) }
      await pair.searches.bind(admin.dn, admin.password)
      pairs.push(pair)
    }
  }

  for (const workers of [1, 4, 16]) {
    await setWorkers(workers)
    const ratios: { pooled: number; imap: number }[] = []
    // Neither the compiler nor starting threads is what we measure.
    await rate(300, workers, bare)
    await rate(300, workers, pooled)
    await rate(2 * known, workers, byImap)
    for (let round = 0; round < 3; round++) {
      const alone = await rate(500, workers, bare)
      ratios.push({ pooled: await rate(500, workers, pooled) / alone, imap: await rate(100, workers, byImap) / alone })
    }
    const percent = (parts: number[]): string => `${(median(parts) * 100).toFixed(0)} %`
    figure(t, `logins a second over LDAP, ${workers} at a time: ${percent(ratios.map((one) => one.pooled))} in the auth pool, `
      + `${percent(ratios.map((one) => one.imap))} by IMAP, of what ldapts alone makes on as many connections`)
    t.ok(median(ratios.map((one) => one.pooled)) > 0.1 && median(ratios.map((one) => one.imap)) > 0.01, 'no login waits for something that has nothing to do with it')
  }
  const count = 400
  const before = cpuSeconds(server.pid)
  await rate(count, 4, byImap)
  const serverCpu = cpuSeconds(server.pid) - before
  const here = process.cpuUsage()
  await rate(count, 4, bare)
  const { user, system } = process.cpuUsage(here)
  figure(t, `a login by IMAP, disconnect included, takes ${(serverCpu / ((user + system) / 1e6)).toFixed(1)} times the CPU of ldapts' two questions alone`)
  t.equal(failed, 0, 'every login succeeds')
})
