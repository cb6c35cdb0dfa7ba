// The auth pool with its real threads.

import t from 'tap'
import { AuthPool } from '../../../workers/auth-pool.ts'
import type { LookupTask } from '../../../actors/auth/lookup.ts'
import { passdb, userdb } from './double.ts'

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

t.test('a configuration that cannot work is said at once', async (t) => {
  t.throws(() => new AuthPool({ auth_worker_max_count: 1, passdb: [passdb({ driver: 'ldpa' })], userdb: [] }), { name: 'ConfigError', message: /unknown driver 'ldpa' \(known: ldap, passwd-file, static\)/ })
  t.throws(() => new AuthPool({ auth_worker_max_count: 1, passdb: [], userdb: [userdb({ driver: 'passwd-file', args: 'users' })] }), { name: 'ConfigError', message: /must end in a path/ })
})
