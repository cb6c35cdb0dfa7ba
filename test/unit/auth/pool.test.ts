// The auth pool with its real threads.

import fs from 'node:fs'
import type { Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { AuthPool } from '../../../workers/auth-pool.ts'
import type { LookupResult, LookupTask } from '../../../actors/auth/lookup.ts'
import { limits } from '../../../runtime/limits.ts'
import { FakeLdap, entry, result } from '../ldap/fake-ldap.ts'
import { HandClock, passdb, userdb } from './double.ts'

t.test('look-ups run on threads', async (t) => {
  const directory = t.testdir({ users: 'a:{PLAIN}pw:::::' })
  const database = { driver: 'passwd-file', args: `${directory}/users` }
  const pool = new AuthPool({ auth_worker_max_count: 2, passdb: [passdb(database)], userdb: [userdb(database), userdb({ driver: 'prefetch' })] })
  t.teardown(() => pool.stop())
  const verify = (password: string): LookupTask => ({ ...database, kind: 'verify', variables: { user: 'a' }, password })
  t.same(await Promise.all(['pw', 'x', 'pw'].map(async (password) => (await pool.run(verify(password))).status)), ['ok', 'mismatch', 'ok'])
  t.same(await pool.run({ ...database, kind: 'user', variables: { user: 'nobody' } }), { status: 'unknown', fields: {} })
  t.match(await pool.run({ driver: 'passwd-file', args: '/nonexistent/users', kind: 'user', variables: { user: 'a' } }), { status: 'temporary', reason: /does not exist/ })
})

t.test('a look-up that needs no thread is made without one', async (t) => {
  const database = { driver: 'static', args: 'home=/home/%u nopassword=yes' }
  const pool = new AuthPool({ auth_worker_max_count: 1, passdb: [passdb(database)], userdb: [userdb(database)] })
  await pool.stop()
  t.match(await pool.run({ ...database, kind: 'find', variables: { user: 'a' } }), { status: 'ok', fields: { home: '/home/a' } })
  t.match(await pool.run({ ...database, kind: 'user', variables: { user: 'b' } }), { status: 'ok', fields: { home: '/home/b' } })
  t.equal(pool.state.threads, 0)
})

t.test('look-ups that wait for a network are more than there are cores', async (t) => {
  const count = os.availableParallelism() + 2
  const waiting: (() => void)[] = []
  // Nobody is answered before all have asked.
  const server = await FakeLdap.listen(({ operation }, id, socket) => {
    if (operation === 'bind') return result(id, 'bind', 0)
    waiting.push(() => { socket.write(Buffer.concat([entry(id, 'uid=tim', { uid: ['tim'] }), result(id, 'search', 0)])) })
    if (waiting.length === count) for (const answer of waiting) answer()
    return undefined
  })
  t.teardown(() => server.close())
  const file = path.join(t.testdir({}), 'ldap.ext')
  fs.writeFileSync(file, `hosts = 127.0.0.1:${server.port}\nbase = dc=x\ndebug_level = 1\n`)
  const database = { driver: 'ldap', args: file }
  const pool = new AuthPool({ auth_worker_max_count: count, passdb: [passdb(database)], userdb: [userdb(database)] })
  t.teardown(() => pool.stop())
  t.same(pool.notes, [`${file}:3: debug_level has no effect`])
  const look = (n: number): Promise<{ status: string }> => pool.run({ ...database, kind: 'user', variables: { user: `u${n}` } })
  t.same((await Promise.all(Array.from({ length: count }, (_, n) => look(n)))).map(({ status }) => status), Array.from({ length: count }, () => 'ok'))
  t.ok(pool.state.threads <= os.availableParallelism(), 'and a thread does several of them')
})

t.test('more and fewer at a time, while they run', async (t) => {
  let most = 0
  const waiting = new Set<() => void>()
  const server = await FakeLdap.listen(({ operation }, id, socket) => {
    if (operation === 'bind') return result(id, 'bind', 0)
    const answer = (): void => {
      waiting.delete(answer)
      socket.write(Buffer.concat([entry(id, 'uid=tim', { uid: ['tim'] }), result(id, 'search', 0)]))
    }
    waiting.add(answer)
    most = Math.max(most, waiting.size)
    return undefined
  })
  t.teardown(() => server.close())
  const file = path.join(t.testdir({}), 'ldap.ext')
  fs.writeFileSync(file, `hosts = 127.0.0.1:${server.port}\nbase = dc=x\n`)
  const pool = new AuthPool({ auth_worker_max_count: 1, passdb: [passdb({ driver: 'ldap', args: file })], userdb: [] })
  t.teardown(() => pool.stop())
  const look = (n: number): Promise<LookupResult> => pool.run({ driver: 'ldap', args: file, kind: 'find', variables: { user: `u${n}` } })
  const asked = async (count: number): Promise<void> => { while (waiting.size < count) await new Promise((resolve) => { setTimeout(resolve, 5) }) }
  const first = [look(1), look(2), look(3)]
  await asked(1)
  t.match(pool.state, { limit: 1, busy: 1, waiting: 2 })
  pool.resize(6)
  const second = [4, 5, 6, 7, 8, 9].map(look)
  await asked(7)
  t.match(pool.state, { limit: 6 })
  pool.resize(2)
  const done = Promise.all([...first, ...second])
  const answering = setInterval(() => { for (const answer of waiting) answer() }, 5)
  t.same((await done).map(({ status }) => status), Array.from({ length: 9 }, () => 'ok'), 'none is lost')
  clearInterval(answering)
  t.equal(most, 7)
  t.match(pool.state, { limit: 2, busy: 0, waiting: 0 })
})

t.test('a thread that is stuck is left to itself', async (t) => {
  const hand = new HandClock()
  let silent = false
  const unanswered: Socket[] = []
  const server = await FakeLdap.listen(({ operation }, id, socket) => {
    if (silent) {
      unanswered.push(socket)
      return undefined
    }
    return operation === 'bind' ? result(id, 'bind', 0) : Buffer.concat([entry(id, 'uid=tim', { uid: ['tim'] }), result(id, 'search', 0)])
  })
  t.teardown(() => server.close())
  const file = path.join(t.testdir({}), 'ldap.ext')
  fs.writeFileSync(file, `hosts = 127.0.0.1:${server.port}\nbase = dc=x\n`)
  const pool = new AuthPool({ auth_worker_max_count: 1, passdb: [passdb({ driver: 'ldap', args: file })], userdb: [] }, hand.timers)
  t.teardown(() => pool.stop())
  const look = (): Promise<LookupResult> => pool.run({ driver: 'ldap', args: file, kind: 'find', variables: { user: 'u' } })
  t.match(await look(), { status: 'ok' })
  silent = true
  const stuck = t.rejects(look(), { name: 'TempFail', message: /no answer within 60000 ms/ })
  while (unanswered.length === 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
  hand.advance(limits.askMs)
  await stuck
  silent = false
  t.match(await look(), { status: 'ok' })
  t.notOk(unanswered[0]!.destroyed, 'while that one still waits')
})

t.test('a configuration that cannot work is said at once', async (t) => {
  t.throws(() => new AuthPool({ auth_worker_max_count: 1, passdb: [passdb({ driver: 'ldpa' })], userdb: [] }), { name: 'ConfigError', message: /unknown driver 'ldpa' \(known: ldap, .*passwd-file, .*static\)/ })
  t.throws(() => new AuthPool({ auth_worker_max_count: 1, passdb: [], userdb: [userdb({ driver: 'passwd-file', args: 'users' })] }), { name: 'ConfigError', message: /must end in a path/ })
})
