// While a user has sessions it is asked now and then whose it is, though they do nothing; not a moment longer.

import t from 'tap'
import type { Cancel } from '../../../runtime/effects.ts'
import type { Settings } from '../../../conf/settings.ts'
import { AttachedSessions } from '../../../actors/user/attached-sessions.ts'
import { newWorld, open } from './fixture.ts'

const session = { id: 's', service: 'imap', closing: () => {} }

/** Resolves when the manifest is looked at. */
const asked = (world: ReturnType<typeof newWorld>): Promise<void> => new Promise((resolve) => {
  const alive = setInterval(() => {}, 1000)
  world.store.before = (operation, key) => {
    if (operation !== 'stat' || !key.endsWith('/idx/manifest')) return
    clearInterval(alive)
    resolve()
  }
})

t.test('metacache_forced_refresh_interval, and obox_refresh_index_once_after', async (t) => {
  const second = Math.ceil(Date.now() / 1000) + 1000
  const times: [Partial<Settings>, boolean][] = [
    [{ metacache_forced_refresh_interval: 20 }, true],
    [{ metacache_forced_refresh_interval: 0, obox_refresh_index_once_after: second }, true],
    [{ metacache_forced_refresh_interval: 0, obox_refresh_index_once_after: second - 500 }, false],
  ]
  for (const [settings, asks] of times) {
    const world = newWorld(t)
    let ahead = 0
    const clock = { now: () => Date.now() + ahead, monotonic: () => world.effects.clock.monotonic() }
    const user = await open({ ...world, effects: Object.assign(Object.create(world.effects) as typeof world.effects, { clock }) }, settings)
    world.store.calls = []
    // Almost that second.
    ahead = second * 1000 - 20 - Date.now()
    const question = asks ? asked(world) : new Promise((resolve) => { setTimeout(resolve, 60) })
    const detach = user.attach(session)
    await question
    t.same(world.store.calls, asks ? ['stat ab/cde/jane/idx/manifest'] : [], JSON.stringify(settings))
    detach()
    await user.stop(5000)
  }
})

t.test('no timer is left behind', (t) => {
  const running = new Set<() => void>()
  const timers = { after: (_: number, action: () => void): Cancel => { running.add(action); return () => { running.delete(action) } } }
  const sessions = new AttachedSessions({ clock: { now: () => 0, monotonic: () => 0 }, timers } as never, { idleMs: 10, refreshMs: 10, refreshAt: 0 }, () => {})
  sessions.add(session)
  t.equal(running.size, 1)
  const told: string[] = []
  sessions.add({ ...session, closing: (reason) => { told.push(reason) } })
  t.equal(running.size, 1)
  sessions.stop('The end')
  t.same([running.size, told], [0, ['The end']])
  sessions.add(session)
  t.equal(running.size, 0)
  t.end()
})
