// The metacache actor: who is evicted when, who is refused, what is remembered over restarts and counted anew.

import fs from 'node:fs'
import t from 'tap'
import { Metacache } from '../../actors/metacache.ts'
import type { MetacacheSettings } from '../../actors/metacache.ts'
import { metacacheRoots } from '../../actors/metacache-rescan.ts'
import { parseWeights, weightOf } from '../../actors/metacache-weights.ts'
import { noSpace } from '../../actors/user/local-space.ts'
import { encodeRoot } from '../../actors/user/root-codec.ts'
import { RootState } from '../../actors/user/root-state.ts'
import { defaultSettings } from '../../conf/settings.ts'
import { smallWorld } from '../fixtures/small-world.ts'
import type { SmallWorld } from '../fixtures/small-world.ts'

const day = 86_400

t.test('weights: times of classes while they are small, and of sizes', (t) => {
  const weights = parseWeights('10% +1d 10% +1d 50% +1h 100% 0', '2M +30 1G +120')
  const none = { ...noSpace }
  const size = (bytes: number): number => Math.round(weightOf(weights, 0, { ...none, other: bytes }, { ...none, other: bytes }, 2 ** 40))
  // As the reference has them.
  t.same([0, 500, 1000].map((k) => size(k * 1024)), [30, 23, 15])
  t.same([2, 10, 50, 100, 258, 500, 1024, 5000].map((m) => size(m * 2 ** 20)), [0, 1, 6, 12, 30, 58, 120, 120])
  const two = 2 * 2 ** 20
  const most = 100 * 2 ** 20
  const of = (space: typeof none, all: typeof none): number => weightOf(weights, 1000, space, all, most)
  t.equal(of({ ...none, root: two }, { ...none, root: 10 * 2 ** 20 }), 1000 + day, 'roots, up to a tenth of the space')
  t.equal(of({ ...none, root: two }, { ...none, root: 11 * 2 ** 20 }), 1000)
  t.equal(of({ ...none, inbox: two }, { ...none, inbox: 50 * 2 ** 20 }), 1000 + 3600)
  t.equal(of({ ...none, inbox: two / 2, other: two / 2 }, { ...none, inbox: two }), 1000 + 1800, 'weighed by bytes')
  for (const [priorities, sizes] of [['10% 1d', '2M +30 1G +120'], ['x +1d 10% +1d 50% +1h 100% 0', '2M +30 1G +120'], ['10% +1z 10% +1d 50% +1h 100% 0', '2M +30 1G +120'], ['10% +1d 10% +1d 50% +1h 100% 0', '2M +30'], ['10% +1d 10% +1d 50% +1h 100% 0', '2M +30 1M +120']] as const) {
    t.throws(() => parseWeights(priorities, sizes), { name: 'ConfigError' })
  }
  t.end()
})

t.test('roots: as configured, or the fixed beginning of mail_home', (t) => {
  t.same(metacacheRoots({ metacache_roots: '', mail_home: '/var/vmail/%2Mu/%u' }), ['/var/vmail'])
  t.same(metacacheRoots({ metacache_roots: '', mail_home: '/var/vmail/x%u' }), ['/var/vmail'])
  t.same(metacacheRoots({ metacache_roots: '/a:/b', mail_home: '' }), ['/a', '/b'])
  t.same(metacacheRoots({ metacache_roots: ':', mail_home: '/x/%u' }), [])
  t.end()
})

interface Bench {
  world: SmallWorld
  metacache: Metacache
  evicted: string[]
  refused: boolean[]
  /** Whom eviction does not work with. */
  stuck: Set<string>
  /** What happens during the next evictions. */
  during: (() => void)[]
  tell(user: string, bytes: number, more?: { open?: boolean; directory?: string; unsaved?: boolean }): void
}

async function bench(t: Parameters<typeof smallWorld>[0], settings: Partial<MetacacheSettings>, world = smallWorld(t)): Promise<Bench> {
  const evicted: string[] = []
  const refused: boolean[] = []
  const stuck = new Set<string>()
  const during: (() => void)[] = []
  const metacache: Metacache = new Metacache({
    effects: world.effects,
    evict: async (user) => {
      await Promise.resolve()
      during.shift()?.()
      if (stuck.has(user)) return false
      evicted.push(user)
      return true
    },
    refuse: (refusing) => { refused.push(refusing) },
  }, { ...defaultSettings(), state_dir: world.directory, mail_home: `${world.directory}/home/%u`, metacache_max_space: 100_000, metacache_max_grace: 50_000, ...settings })
  await metacache.start()
  let order = 0
  const now = world.effects.clock.now.bind(world.effects.clock)
  world.effects.clock.now = () => now() + order
  const tell: Bench['tell'] = (user, bytes, { open = false, directory = `${world.directory}/home/${user}`, unsaved = false } = {}) => {
    order += 1_000_000
    metacache.receive({ kind: 'space', users: [{ user, directory, space: { ...noSpace, other: bytes }, unsaved, open }] })
  }
  return { world, metacache, evicted, during, refused, stuck, tell }
}

t.test('beyond the space the users longest not used go, until there is some room; those in use stay', async (t) => {
  const { metacache, evicted, refused, tell } = await bench(t, {})
  for (const user of ['a', 'b', 'c', 'd']) tell(user, 25_000, { open: user === 'a' })
  await metacache.settled()
  t.same(evicted, [])
  tell('e', 1000)
  await metacache.settled()
  t.same(evicted, ['b'])
  t.equal(metacache.status.space.other, 76_000)
  tell('e', 40_000, { open: true })
  await metacache.settled()
  t.same(evicted, ['b', 'c'])
  t.same(refused, [])
  await metacache.stop()
})

t.test('beyond the grace nobody is let in, until there is room', async (t) => {
  const { world, metacache, evicted, refused, tell } = await bench(t, {})
  tell('a', 100_000, { open: true })
  tell('b', 50_001, { open: true })
  await metacache.settled()
  t.same([evicted, refused], [[], [true]])
  t.ok(world.log.some(({ name, level }) => name === 'metacache.full' && level === 'error'))
  tell('b', 50_001)
  await metacache.settled()
  t.same([evicted, refused], [['b'], [true, false]])
  await metacache.stop()
})

t.test('who is closed while others are evicted is not forgotten', async (t) => {
  const { metacache, evicted, during, tell } = await bench(t, {})
  tell('a', 40_000, { open: true })
  tell('b', 80_000, { open: true })
  during.push(() => tell('b', 80_000))
  tell('c', 50_000)
  await metacache.settled()
  t.same(evicted, ['c', 'b'])
  await metacache.stop()
})

t.test('the weights are those of the configuration, also of one that is read again', async (t) => {
  for (const [weights, first] of [[{}, 'a'], [{ metacache_size_weights: '30k +10000000 1G +120' }, 'b']] as [Partial<MetacacheSettings>, string][]) {
    for (const late of [false, true]) {
      const { world, metacache, evicted, tell } = await bench(t, late ? {} : weights)
      if (late) metacache.reload({ ...defaultSettings(), state_dir: world.directory, mail_home: `${world.directory}/home/%u`, metacache_max_space: 100_000, metacache_max_grace: 50_000, ...weights })
      tell('a', 1000)
      tell('b', 90_000)
      tell('c', 10_000, { open: true })
      await metacache.settled()
      t.equal(evicted[0], first, JSON.stringify(weights))
      await metacache.stop()
    }
  }
})

t.test('metacache_userdb says where they are kept', async (t) => {
  const world = smallWorld(t)
  for (const [metacache_userdb, file] of [['other/users.db', `${world.directory}/other/users.db`], [`${world.directory}/apart.db`, `${world.directory}/apart.db`]] as const) {
    const { metacache, tell } = await bench(t, { metacache_userdb, metacache_rescan_interval: 0 }, world)
    tell('a', 30_000)
    await metacache.stop()
    t.match(fs.readFileSync(file, 'utf8'), '"a"')
  }
})

t.test('one that cannot be evicted is passed over', async (t) => {
  const { metacache, evicted, stuck, tell } = await bench(t, {})
  stuck.add('a')
  for (const user of ['a', 'b', 'c']) tell(user, 40_000)
  await metacache.settled()
  t.same(evicted, ['b'])
  await metacache.stop()
})

t.test('figures outlive a restart, torn lines and all', async (t) => {
  const first = await bench(t, { metacache_rescan_interval: 0 })
  await first.metacache.settled()
  for (const user of ['a', 'b', 'gone']) first.tell(user, 30_000, { unsaved: user === 'b' })
  first.tell('gone', 0)
  await first.metacache.stop()
  const file = `${first.world.directory}/metacache/metacache-users.db`
  fs.appendFileSync(file, '["c","/c",1,2,"x"]\n["d",')
  const second = await bench(t, { metacache_rescan_interval: 0 }, first.world)
  t.match(second.metacache.status, { users: 2, space: { other: 60_000 } })
  second.tell('e', 41_000)
  await second.metacache.settled()
  t.same(second.evicted, ['a'])
  await second.metacache.stop()
  const third = await bench(t, { metacache_rescan_interval: 0 }, first.world)
  t.match(third.metacache.status, { users: 2, space: { other: 71_000 } })
  await third.metacache.stop()
})

t.test('without its file, and now and then, what is on the disk is counted', async (t) => {
  const world = smallWorld(t)
  const home = (user: string): string => `${world.directory}/home/${user}/deep`
  const lay = (user: string, bytes: number, snapshot = encodeRoot(new RootState(), 1, user)): void => {
    fs.mkdirSync(`${home(user)}/root`, { recursive: true })
    fs.writeFileSync(`${home(user)}/root/snapshot`, snapshot)
    fs.writeFileSync(`${home(user)}/root/journal`, 'x')
    fs.mkdirSync(`${home(user)}/mailboxes/0123`, { recursive: true })
    fs.writeFileSync(`${home(user)}/mailboxes/0123/cache.0`, Buffer.alloc(bytes))
  }
  lay('a', 10_000)
  lay('b', 5000)
  lay('c', 1, Buffer.from('nobody knows'))
  const { metacache, tell } = await bench(t, { metacache_rescan_interval: 86_400_000 }, world)
  await metacache.settled()
  t.match(metacache.status, { users: 2, space: { root: 4 * 4096, other: 3 * 4096 + 2 * 4096 } })
  t.ok(world.log.some(({ name }) => name === 'metacache.nameless'))
  tell('c', 4096, { directory: home('c') })
  fs.rmSync(home('a'), { recursive: true })
  await metacache.rescan()
  t.equal(metacache.status.users, 2)
  await metacache.stop()
})

t.test('a file that cannot be read or written keeps the server from nothing', async (t) => {
  const world = smallWorld(t)
  fs.mkdirSync(`${world.directory}/metacache/metacache-users.db`, { recursive: true })
  const { metacache, tell } = await bench(t, {}, world)
  await metacache.settled()
  tell('a', 5000)
  t.equal(metacache.status.users, 1)
  await metacache.stop()
  t.same([...new Set(world.log.filter(({ level }) => level !== 'info').map(({ name }) => name))], ['metacache.userdb_failed'])
})

t.test('without a bound nothing is written, and only users in memory are known', async (t) => {
  const { world, metacache, tell, evicted } = await bench(t, { metacache_max_space: 0 })
  tell('a', 1e12, { open: true })
  t.equal(metacache.status.users, 1)
  tell('a', 1e12)
  t.equal(metacache.status.users, 0)
  await metacache.stop()
  t.same(evicted, [])
  t.notOk(fs.existsSync(`${world.directory}/metacache`))
})

t.test('an index outside the roots is told, once', async (t) => {
  const { world, metacache, tell } = await bench(t, {})
  tell('a', 1, { directory: '/elsewhere/a' })
  tell('a', 2, { directory: '/elsewhere/a' })
  t.equal(world.log.filter(({ name }) => name === 'metacache.outside_roots').length, 1)
  await metacache.stop()
})
