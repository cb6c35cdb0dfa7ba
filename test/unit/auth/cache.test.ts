// The auth cache: what is remembered, how long, by what, and what is asked anew.

import t from 'tap'
import { AuthCache } from '../../../actors/auth/cache.ts'
import type { LookupResult, LookupTask } from '../../../actors/auth/lookup.ts'
import { parseFields } from '../../../actors/auth/fields.ts'
import { HandClock, authDouble, passdb, userdb } from './double.ts'

const minute = 60_000
const hour = 60 * minute

/** A directory with one password a user, that can be away, and counts questions. */
class FakeDatabase {
  readonly passwords = new Map([['tim', 'pw'], ['ann', 'secret']])
  away = false
  asked = 0
  fields = 'userdb_home=/srv/h'

  readonly run = async ({ kind, variables, password }: LookupTask): Promise<LookupResult> => {
    this.asked++
    const known = this.passwords.get(String(variables['user']))
    if (this.away) return { status: 'temporary', fields: {}, reason: 'away' }
    if (known === undefined) return { status: 'unknown', fields: {} }
    return kind === 'verify' && known !== password ? { status: 'mismatch', fields: {} } : { status: 'ok', fields: parseFields(this.fields) }
  }
}

function start(given: { ttl?: number; negative?: number; size?: number; remembered?: readonly string[] } = {}) {
  const database = new FakeDatabase()
  const auth = authDouble({
    auth_cache_size: given.size ?? 2 ** 20, auth_cache_ttl: given.ttl ?? hour, auth_cache_negative_ttl: given.negative ?? hour,
    passdb: [passdb({ driver: 'x' })], userdb: [userdb({ driver: 'prefetch' }), userdb({ driver: 'x' })],
  }, database.run, given.remembered ?? [])
  /** The outcome, and how many questions it took. */
  const login = async (user: string, password: string, more = {}): Promise<[string, number]> => {
    const before = database.asked
    const { status } = await auth.login(user, password, more)
    return [status, database.asked - before]
  }
  const lookup = async (user: string): Promise<[string, number]> => {
    const before = database.asked
    const { status } = await auth.lookup(user)
    return [status, database.asked - before]
  }
  return { auth, database, login, lookup }
}

t.test('a right password is asked once', async (t) => {
  const { auth, login } = start()
  t.same(await login('tim', 'pw'), ['ok', 1])
  t.same(await login('tim', 'pw'), ['ok', 0])
  t.match(await auth.login('Tim', 'pw'), { status: 'ok', account: { user: 'tim', home: '/srv/h' } }, 'with its fields')
  t.same(await login('ann', 'pw'), ['refused', 1], 'which says nothing of others')
  auth.hand.advance(hour)
  t.same(await login('tim', 'pw'), ['ok', 1], 'until auth_cache_ttl')
})

t.test('nothing is remembered without auth_cache_size, nor of a database that does not say by what', async (t) => {
  const off = start({ size: 0 })
  t.same([await off.login('tim', 'pw'), await off.login('tim', 'pw')], [['ok', 1], ['ok', 1]])
  const database = new FakeDatabase()
  const unsaid = authDouble({ auth_cache_size: 2 ** 20, passdb: [passdb({ driver: 'x' })] }, database.run)
  await unsaid.login('tim', 'pw')
  await unsaid.login('tim', 'pw')
  t.equal(database.asked, 2)
})

t.test('a changed password works at once', async (t) => {
  const { database, login } = start()
  await login('tim', 'pw')
  database.passwords.set('tim', 'new')
  t.same(await login('tim', 'pw'), ['ok', 0], 'the old one does too, as long as nobody has used the new one')
  t.same(await login('tim', 'new'), ['ok', 1])
  t.same(await login('tim', 'pw'), ['refused', 1])
  t.same(await login('tim', 'new'), ['ok', 0], 'and who goes on with the old one changes nothing')
})

t.test('a wrong password is asked again after a while, and then more rarely', async (t) => {
  const { auth, database, login } = start()
  t.same(await login('tim', 'bad'), ['refused', 1])
  t.same(await login('tim', 'bad'), ['refused', 0])
  t.same(await login('tim', 'worse'), ['refused', 1], 'another one is another question')
  auth.hand.advance(15_000)
  t.same(await login('tim', 'bad'), ['refused', 1])
  auth.hand.advance(15_000)
  t.same(await login('tim', 'bad'), ['refused', 0])
  database.passwords.set('tim', 'bad')
  auth.hand.advance(15_000)
  t.same(await login('tim', 'bad'), ['ok', 1], 'it has become the right one')
  let asked = 0
  for (let passed = 0; passed < hour; passed += minute) {
    asked += (await login('tim', 'never'))[1]
    auth.hand.advance(minute)
  }
  t.ok(asked < 10, `a phone that tries each minute is heard ${asked} times in an hour`)
})

t.test('auth_cache_negative_ttl bounds that; 0 remembers no refusal', async (t) => {
  const { auth, login } = start({ negative: 1000 })
  await login('tim', 'bad')
  t.same(await login('tim', 'bad'), ['refused', 0])
  auth.hand.advance(1000)
  t.same(await login('tim', 'bad'), ['refused', 1])
  const none = start({ negative: 0 })
  t.same([await none.login('tim', 'bad'), await none.login('tim', 'bad')], [['refused', 1], ['refused', 1]])
})

t.test('unknown users, and those who are made', async (t) => {
  const { auth, database, lookup } = start()
  t.same(await lookup('new'), ['unknown', 1])
  t.same(await lookup('new'), ['unknown', 0])
  database.passwords.set('new', 'x')
  auth.hand.advance(15_000)
  t.same(await lookup('new'), ['ok', 1])
  t.same(await lookup('new'), ['ok', 0])
  database.passwords.delete('new')
  auth.hand.advance(hour)
  t.same(await lookup('new'), ['unknown', 1])
})

t.test('while the database is away', async (t) => {
  const { auth, database, login, lookup } = start()
  await login('tim', 'pw')
  await lookup('ann')
  await lookup('nobody')
  auth.hand.advance(2 * hour)
  database.away = true
  t.same((await login('tim', 'pw'))[0], 'ok', 'what has expired serves')
  t.match(auth.events.findLast(({ level }) => level === 'warning'), { text: /Falling back to expired data from cache: away/ })
  t.same((await lookup('ann'))[0], 'ok')
  t.same((await login('tim', 'new'))[0], 'temporary', 'another password may be right')
  t.same((await login('ann', 'secret'))[0], 'temporary')
  t.same((await lookup('nobody'))[0], 'temporary', 'nobody is unknown because a database is away')
  database.away = false
  t.same((await login('tim', 'new'))[0], 'refused')
  t.same((await lookup('nobody'))[0], 'unknown')
})

t.test('by everything that decides', async (t) => {
  const at = (ip: string, more = {}) => ({ remote: { ip, port: 1 }, ...more })
  const { login } = start({ remembered: ['rip', 'passdb:forward_site'] })
  await login('tim', 'pw', at('192.0.2.1'))
  t.same(await login('tim', 'pw', at('192.0.2.1', { session: 'other', remote: { ip: '192.0.2.1', port: 2 } })), ['ok', 0])
  t.same(await login('tim', 'pw', at('192.0.2.2')), ['ok', 1])
  t.same(await login('tim', 'pw', at('192.0.2.1', { forward: { site: 'b' } })), ['ok', 1])
  t.same(await login('tim', 'pw', at('192.0.2.1', { forward: { site: 'b', other: 'x' } })), ['ok', 0])
})

t.test('what decides about one connection is decided each time', async (t) => {
  const { database, login } = start()
  database.fields = 'allow_nets=192.0.2.1 userdb_home=/srv/h'
  t.same(await login('tim', 'pw'), ['ok', 1])
  t.same(await login('tim', 'pw', { remote: { ip: '192.0.2.2', port: 1 } }), ['refused', 0])
  t.same(await login('tim', 'pw'), ['ok', 0])
})

t.test('flush', async (t) => {
  const { auth, login } = start()
  await login('tim', 'pw')
  await login('ann', 'secret')
  t.same(await auth.actor.receive({ kind: 'flush', users: ['Tim', 'nobody'] }), { status: 'ok', flushed: 1 })
  t.same([await login('tim', 'pw'), await login('ann', 'secret')], [['ok', 1], ['ok', 0]])
  t.same(await auth.actor.receive({ kind: 'flush', users: [] }), { status: 'ok', flushed: 2 })
  t.same(await login('ann', 'secret'), ['ok', 1])
})

t.test('an answer on its way during a flush is not remembered', async (t) => {
  const waiting: (() => void)[] = []
  let asked = 0
  const auth = authDouble({ auth_cache_size: 2 ** 20, passdb: [passdb({ driver: 'x' })] }, async () => {
    asked++
    await new Promise<void>((resolve) => { waiting.push(resolve) })
    return { status: 'ok', fields: {} }
  }, [])
  const first = auth.login('tim', 'pw')
  while (waiting.length === 0) await Promise.resolve()
  await auth.actor.receive({ kind: 'flush', users: [] })
  waiting[0]!()
  await first
  const second = auth.login('tim', 'pw')
  while (waiting.length === 1) await Promise.resolve()
  waiting[1]!()
  await second
  t.equal(asked, 2)
})

t.test('bounded in bytes, the least recently used go first', async (t) => {
  const cache = new AuthCache(new HandClock().clock, new Uint8Array(32), { sizeBytes: 100_000, ttlMs: hour, negativeTtlMs: hour })
  const key = (n: number) => cache.key(`user${n}`, ['verify', 'x'], `pw${n}`)
  const result: LookupResult = { status: 'ok', fields: { home: `/srv/${'x'.repeat(200)}` } }
  for (let n = 0; n < 1000; n++) {
    cache.put(key(n), result)
    cache.get(key(0))
  }
  const { entries, bytes } = cache.figures
  t.ok(bytes <= 100_000 && entries > 50 && entries < 300, `${entries} entries, ${bytes} bytes`)
  t.match(cache.get(key(0)), { status: 'ok' })
  t.match(cache.get(key(999)), { status: 'ok' })
  t.equal(cache.get(key(1)), undefined)
  for (let n = 0; n < 1000; n++) cache.put(cache.key('user0', ['verify', 'x'], `wrong${n}`), { status: 'mismatch', fields: {} })
  t.ok(cache.figures.bytes <= 100_000, 'a thousand wrong passwords of one user take no more')
})

t.test('no password lies in memory, and equal ones of two users look different', (t) => {
  const cache = new AuthCache(new HandClock().clock, new Uint8Array(32).fill(7), { sizeBytes: 100_000, ttlMs: hour, negativeTtlMs: hour })
  const one = cache.key('tim', ['verify'], 'hunter22')
  const other = cache.key('ann', ['verify'], 'hunter22')
  t.not(one.print, other.print)
  t.not(one.print, new AuthCache(new HandClock().clock, new Uint8Array(32).fill(8), { sizeBytes: 1, ttlMs: 1, negativeTtlMs: 1 }).key('tim', ['verify'], 'hunter22').print)
  t.notMatch(JSON.stringify([one, other]), /hunter22/)
  t.end()
})
