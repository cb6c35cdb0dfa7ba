// Connections on which nobody has logged in, and those that wait for their turn.

import t from 'tap'
import type { LogEvent } from '../../../runtime/events.ts'
import { limits } from '../../../runtime/limits.ts'
import { Strangers } from '../../../workers/strangers.ts'
import type { Stranger } from '../../../workers/strangers.ts'
import { Turnstile } from '../../../workers/turnstile.ts'
import type { WaitingWire } from '../../../workers/turnstile.ts'
import type { Receiver } from '../../../workers/socket-wire.ts'

function world() {
  let now = 0
  const events: LogEvent[] = []
  const stopped: string[] = []
  const strangers = new Strangers({ clock: { monotonic: () => now }, emit: (event) => { events.push(event) } })
  const stranger = (name: string, ip = '192.0.2.1', more: Partial<Stranger['seed']> = {}): Stranger => ({
    seed: { protocol: 'imap', remote: { ip }, local: { ip: '192.0.2.9' }, trusted: false, ...more },
    session: { stop: async (reason) => { stopped.push(`${name}: ${reason}`) } },
  })
  return { strangers, stranger, events, stopped, pass: (ms: number) => { now += ms } }
}

t.test('of one address', async (t) => {
  const { strangers, stranger, events, pass } = world()
  const bounds = { all: 0, ofAddress: 2 }
  const [first, second] = [stranger('1'), stranger('2')]
  for (const one of [first, second]) {
    t.ok(strangers.admits(one.seed, bounds))
    strangers.add(one, bounds)
  }
  t.notOk(strangers.admits(stranger('3').seed, bounds))
  t.notOk(strangers.admits(stranger('3').seed, bounds))
  t.ok(strangers.admits(stranger('4', '192.0.2.2').seed, bounds))
  t.ok(strangers.admits(stranger('5', '192.0.2.1', { trusted: true }).seed, bounds), 'a proxy brings many')
  t.ok(strangers.admits(stranger('6', '192.0.2.9').seed, bounds), 'as does this machine')
  t.equal(events.length, 1, 'a flood fills no log')
  pass(limits.floodWarnMs)
  strangers.admits(stranger('3').seed, bounds)
  t.match(events[1], { level: 'warning', text: /one address have not logged in \(culver_login_ip_connections\): rip=192\.0\.2\.1, 2 since/ })
  strangers.remove(first)
  strangers.remove(first)
  t.ok(strangers.admits(stranger('3').seed, bounds), 'who has logged in counts no more')
  strangers.remove(second)
  t.equal(strangers.size, 0)
})

t.test('of all: the oldest goes', async (t) => {
  const { strangers, stranger, stopped } = world()
  const bounds = { all: 2, ofAddress: 0 }
  const all = ['1', '2', '3'].map((name, n) => stranger(name, `192.0.2.${n}`))
  for (const one of all) strangers.add(one, bounds)
  t.same(stopped, ['1: Disconnected: Connection queue full'])
  strangers.remove(all[1]!)
  strangers.add(stranger('4'), bounds)
  t.equal(stopped.length, 1)
})

class FakeWire implements WaitingWire {
  readonly did: string[] = []
  receiver: Receiver | undefined
  pause(): void { this.did.push('pause') }
  resume(): void { this.did.push('resume') }
  destroy(): void { this.did.push('destroy') }
  feed(receiver: Receiver): void { this.receiver = receiver }
}

t.test('a turnstile', async (t) => {
  const turnstile = new Turnstile()
  const begun: string[] = []
  const wires = ['1', '2', '3', '4', '5'].map((name) => {
    const wire = new FakeWire()
    turnstile.enter(2, wire, () => { begun.push(name) })
    return wire
  })
  t.same(begun, ['1', '2'])
  t.equal(turnstile.waiting, 3)
  t.same(wires[2]!.did, ['pause'], 'neither heard nor greeted')
  wires[2]!.receiver!.hangup()
  turnstile.leave()
  t.same(begun, ['1', '2', '4'], 'in their order, but for those who have gone')
  t.same(wires[3]!.did, ['pause', 'resume'])
  wires[4]!.receiver!.end()
  t.same(wires[4]!.did, ['pause', 'destroy'])
  const last = new FakeWire()
  turnstile.enter(2, last, () => { begun.push('last') })
  turnstile.close()
  t.same(last.did, ['pause', 'destroy'])
  turnstile.leave()
  turnstile.leave()
  turnstile.enter(2, new FakeWire(), () => { begun.push('again') })
  t.same(begun, ['1', '2', '4', 'again'])
  turnstile.enter(0, new FakeWire(), () => { begun.push('free') })
  t.equal(begun.at(-1), 'free', '0: no bound')
})
