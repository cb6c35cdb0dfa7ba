// What a session worker keeps of recipients' look-ups: how long, by what, and what it never keeps.

import t from 'tap'
import { KnownAccounts } from '../../../actors/auth/known-accounts.ts'
import { parseFields } from '../../../actors/auth/fields.ts'
import type { LookupTask } from '../../../actors/auth/lookup.ts'
import type { AuthAnswer, LookupRequest } from '../../../actors/auth-messages.ts'
import type { Settings } from '../../../conf/settings.ts'
import { authDouble, passdb, userdb } from './double.ts'

const minute = 60_000

const request = (username: string, more: Partial<LookupRequest> = {}): LookupRequest => ({
  kind: 'lookup', service: 'lmtp', username, session: 's1', remote: { ip: '192.0.2.1', port: 1000 }, local: { ip: '192.0.2.9', port: 24 }, ...more,
})

/** A worker's accounts before the auth actor, and that before a database which knows tim; `constant`: one that need not be remembered. */
function start(settings: Partial<Settings> = {}, { constant = false, mostBytes = 2 ** 20 } = {}) {
  const auth = authDouble({
    auth_cache_size: 2 ** 20, auth_cache_ttl: 10 * minute, auth_cache_negative_ttl: 10 * minute, userdb: [userdb({ driver: 'x' })], ...settings,
  }, async ({ variables }: LookupTask) => (variables['user'] === 'nobody' ? { status: 'unknown', fields: {} } : { status: 'ok', fields: parseFields('home=/h quota_rule=x') }),
  constant ? 'constant' : [])
  const accounts = new KnownAccounts(auth.hand.clock, mostBytes)
  let asked = 0
  const ask = async (request: LookupRequest): Promise<AuthAnswer> => {
    asked++
    return await auth.actor.receive(request) as AuthAnswer
  }
  /** The outcome, and whether the auth actor was asked. */
  const find = async (username: string, more?: Partial<LookupRequest>): Promise<[string, boolean]> => {
    const before = asked
    const { status } = await accounts.find(request(username, more), () => ask(request(username, more)))
    return [status, asked > before]
  }
  return { auth, accounts, find }
}

void t.test('what the auth cache has is kept as long as there', async (t) => {
  const { auth, accounts, find } = start()
  t.same(await find('tim'), ['ok', true])
  auth.hand.advance(4 * minute)
  t.same(await find('tim'), ['ok', true], 'what a database has just answered is not known to last')
  t.same(await find('tim'), ['ok', false])
  t.same(await find('tim', { session: 's2', remote: { ip: '192.0.2.1', port: 2000 } }), ['ok', false], 'for any connection')
  t.match(await accounts.find(request('tim'), () => Promise.reject(new Error('asked'))), { account: { user: 'tim', home: '/h', fields: { quota_rule: 'x' } } })
  auth.hand.advance(6 * minute)
  t.same(await find('tim'), ['ok', true], 'and not longer than there')
})

void t.test('what may decide the answer is another question', async (t) => {
  const { find } = start()
  const others: Partial<LookupRequest>[] = [{}, { service: 'metacache' }, { remote: { ip: '192.0.2.2', port: 1 } }, { local: { ip: '192.0.2.9', port: 25 } }, { forward: { site: 'dc1' } }]
  for (const more of others) t.same([await find('tim', more), await find('tim', more)].map(([status]) => status), ['ok', 'ok'])
  for (const more of others) t.same(await find('tim', more), ['ok', false])
  t.same(await find('tim', { forward: { site: 'dc2' } }), ['ok', true])
})

void t.test('never kept', async (t) => {
  const { find } = start()
  for (let n = 0; n < 3; n++) t.same(await find('nobody'), ['unknown', true], 'that somebody is unknown')
  const off = start({ auth_cache_size: 0 })
  for (let n = 0; n < 3; n++) t.same(await off.find('tim'), ['ok', true], 'without auth_cache_size')
  const session = start({ mail_home: '/srv/%{session}', userdb: [] })
  for (let n = 0; n < 3; n++) t.same(await session.find('tim'), ['ok', true], 'an account that has the session in it')
  const port = start({ userdb: [userdb({ driver: 'x', default_fields: 'port=%{md5:rport}' })] })
  for (let n = 0; n < 3; n++) t.same(await port.find('tim'), ['ok', true], 'or the port')
})

void t.test('what follows from the configuration alone is kept without a cache', async (t) => {
  const { auth, find } = start({ auth_cache_size: 0 }, { constant: true })
  t.same(await find('tim'), ['ok', true])
  auth.hand.advance(1e9)
  t.same(await find('tim'), ['ok', false])
  const both = start({ userdb: [userdb({ driver: 'static', args: 'home=/h' })], passdb: [passdb({ driver: 'x' })], auth_cache_size: 0 })
  for (let n = 0; n < 2; n++) t.same(await both.find('tim'), ['ok', true], 'unless another database is asked as well')
})

void t.test('forgotten: what is known, and what is on its way', async (t) => {
  const { accounts, find } = start()
  for (let n = 0; n < 2; n++) await find('tim')
  accounts.forget()
  t.same(await find('tim'), ['ok', true])
  const late = Promise.withResolvers<AuthAnswer>()
  const finding = accounts.find(request('ann'), () => late.promise)
  accounts.forget()
  late.resolve({ status: 'ok', account: { user: 'ann', home: '/old', fields: {} }, lastsMs: minute })
  t.match(await finding, { account: { home: '/old' } })
  t.same(await find('ann'), ['ok', true])
})

void t.test('the memory it takes has a bound', async (t) => {
  const { find } = start({}, { mostBytes: 3000 })
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  for (const name of names) for (let n = 0; n < 2; n++) await find(name)
  t.same(await find('h'), ['ok', false])
  t.same(await find('a'), ['ok', true], 'the least recently used is gone')
})
