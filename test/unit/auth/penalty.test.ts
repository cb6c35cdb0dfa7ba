// The penalty of addresses that guess: Dovecot's steps, and who is spared.

import t from 'tap'
import { Penalties } from '../../../actors/auth/penalty.ts'
import { defaultsOf } from '../../../conf/setting.ts'
import { serviceSettings } from '../../../conf/settings/service.ts'
import { limits } from '../../../runtime/limits.ts'
import { HandClock, authDouble, passdb, userdb } from './double.ts'

t.test('4, 8, 15 seconds, forgotten after 15', (t) => {
  const hand = new HandClock()
  const penalties = new Penalties(hand.clock)
  const waits = ['a', 'b', 'c', 'd', 'e', 'f'].map((tried) => {
    const wait = penalties.waitMs('192.0.2.1')
    penalties.failed('192.0.2.1', tried)
    return wait
  })
  t.same(waits, [0, 4000, 8000, 15_000, 15_000, 15_000])
  t.equal(penalties.waitMs('192.0.2.2'), 0)
  hand.advance(14_999)
  t.equal(penalties.waitMs('192.0.2.1'), 15_000)
  hand.advance(1)
  t.equal(penalties.waitMs('192.0.2.1'), 0)
  t.end()
})

t.test('the same again does not raise it, of the last ten', (t) => {
  const penalties = new Penalties(new HandClock().clock)
  for (let n = 0; n < 20; n++) penalties.failed('192.0.2.1', 'same')
  t.equal(penalties.waitMs('192.0.2.1'), 4000)
  for (let n = 0; n < 3; n++) penalties.failed('192.0.2.1')
  t.equal(penalties.waitMs('192.0.2.1'), 15_000)
  t.end()
})

t.test('a success forgets', (t) => {
  const penalties = new Penalties(new HandClock().clock)
  penalties.failed('192.0.2.1')
  penalties.succeeded('192.0.2.1')
  t.equal(penalties.waitMs('192.0.2.1'), 0)
  t.end()
})

t.test('an IPv6 network is one place', (t) => {
  const penalties = new Penalties(new HandClock().clock)
  penalties.failed('2001:db8:1:ffff::1')
  t.equal(penalties.waitMs('2001:db8:1:1::9'), 4000)
  t.equal(penalties.waitMs('2001:db8:2::1'), 0)
  penalties.failed('')
  t.equal(penalties.waitMs(''), 0, 'a UNIX socket is no place')
  t.end()
})

t.test('bounded', (t) => {
  const penalties = new Penalties(new HandClock().clock)
  for (let n = 0; n < limits.authPenalties + 1000; n++) penalties.failed(`10.${n >> 16}.${n >> 8 & 255}.${n & 255}`)
  t.ok(penalties.size <= limits.authPenalties)
  t.end()
})

const anvil = (mode: number) => ({
  anvil: { ...defaultsOf(serviceSettings), inet_listener: {}, fifo_listener: {}, unix_listener: { 'anvil-auth-penalty': { mode, user: '', group: '' } } },
})

t.test('logins wait for it, even with the right password', async (t) => {
  const start = (mode: number) => authDouble({ service: anvil(mode), passdb: [passdb({ driver: 'static', args: 'password=pw' })], userdb: [userdb({ driver: 'static', args: 'allow_all_users=y' })] })
  const auth = start(0o600)
  t.match(await auth.login('a', 'bad'), { status: 'refused' })
  let status = ''
  const right = auth.login('a', 'pw').then((answer) => { status = answer.status })
  const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })
  await turn()
  t.equal(status, '')
  auth.hand.advance(3999)
  await turn()
  t.equal(status, '')
  auth.hand.advance(1)
  await right
  t.equal(status, 'ok')
  await auth.login('a', 'bad')
  t.match(await auth.login('a', 'pw', { trusted: true }), { status: 'ok' }, 'a proxy is spared')
  t.match(await auth.login('a', 'pw', { remote: { ip: '192.0.2.7', port: 1 } }), { status: 'ok' }, 'and other addresses')
  const off = start(0)
  await off.login('a', 'bad')
  t.match(await off.login('a', 'pw'), { status: 'ok' }, 'mode = 0 switches it off')
})

t.test('who waits and goes on guessing waits no less', async (t) => {
  const auth = authDouble({ service: anvil(0o600), passdb: [passdb({ driver: 'static', args: 'password=pw' })], userdb: [] })
  const waits: number[] = []
  for (let n = 0; n < 7; n++) {
    const guess = auth.login('a', `bad${n}`)
    waits.push(auth.hand.soonest)
    auth.hand.advance(auth.hand.soonest)
    t.match(await guess, { status: 'refused' })
  }
  t.same(waits, [0, 4000, 8000, 15_000, 15_000, 15_000, 15_000])
})
