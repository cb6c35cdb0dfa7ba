// The world itself: time that only moves by events, disks that keep what was written and lose what was not, processes that
// stay dead, and a store whose faults are what they claim to be.

import { Buffer } from 'node:buffer'
import t from 'tap'
import type { ObjectStore } from '../../runtime/effects.ts'
import { ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { noFaults } from '../../runtime/sim/faults.ts'
import type { Faults } from '../../runtime/sim/faults.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import { SimWorld } from '../../runtime/sim-effects.ts'
import memory from '../../workers/fs/memory.ts'
import { usualTls } from '../../workers/storage/tls.ts'

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })
const context = { user: 'u', reason: 'test' }
const bytes = (text: string): Uint8Array => Buffer.from(text)
const bodyOf = (text: string) => ({ size: text.length, parts: [bytes(text)] })
let worlds = 0

function worldOf(seed: number, faults: Partial<Faults> = {}): { world: SimWorld; store: ObjectStore } {
  const none = (): never => { throw new Error('not in a simulated world') }
  const store = memory.open(`world-${++worlds}`, {
    clock: { now: () => 0, monotonic: () => 0 }, timers: { after: none }, random: { bytes: none, below: none },
    emit: () => {}, tempDirectory: '/tmp', maxConnections: () => 1, tls: usualTls, auth: { timeoutMs: 0, retries: 0 },
  })
  return { world: new SimWorld(seed, store, { faults: { ...noFaults, ...faults } }), store }
}

/** Runs the world until the promise settles; undefined if that never happens. */
async function settle<T>(world: SimWorld, promise: Promise<T>): Promise<{ value: T } | { error: unknown } | undefined> {
  let settled: { value: T } | { error: unknown } | undefined
  promise.then((value) => { settled = { value } }, (error: unknown) => { settled = { error } })
  await world.run(turn, () => settled !== undefined)
  return settled
}

await t.test('the dice are the same for the same seed, and fair enough', async (t) => {
  const draw = (seed: number, name: string) => Array.from({ length: 5 }, ((random) => () => random.below(1000))(new SimRandom(seed).fork(name)))
  t.same(draw(1, 'a'), draw(1, 'a'))
  t.notSame(draw(1, 'a'), draw(1, 'b'))
  t.notSame(draw(1, 'a'), draw(2, 'a'))
  const random = new SimRandom(7)
  const counts = new Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) counts[random.below(10)]!++
  t.ok(counts.every((count) => count > 850 && count < 1150), counts.join(' '))
})

await t.test('time moves from event to event', async (t) => {
  const { world } = worldOf(1)
  const effects = world.machine('m').start()
  const heard: string[] = []
  effects.timers.after(200, () => heard.push(`b ${effects.clock.monotonic()}`))
  effects.timers.after(100, () => heard.push(`a ${effects.clock.monotonic()}`))
  effects.timers.after(150, () => heard.push('never'))()
  t.notOk(await world.run(turn, () => false), 'nothing is left')
  t.same(heard, ['a 100', 'b 200'])
})

await t.test('a dead process hears nothing, and what it had written stays', async (t) => {
  const { world } = worldOf(2)
  const machine = world.machine('m')
  const effects = machine.start()
  await settle(world, effects.files.append('/d/f', bytes('whole')))
  let fired = false
  effects.timers.after(10, () => { fired = true })
  const pending = effects.files.append('/d/f', bytes(' more'))
  machine.crash()
  t.equal(await settle(world, pending), undefined, 'the answer never comes')
  t.equal(await settle(world, effects.files.read('/d/f')), undefined, 'nor that of a later question')
  t.notOk(fired)
  const after = await settle(world, machine.start().files.read('/d/f'))
  t.match(Buffer.from((after as { value: Uint8Array }).value).toString(), /^whole( (m(o(r(e)?)?)?)?)?$/, 'the append is there in part, whole or not')
  machine.wipe()
  t.same(await settle(world, machine.start().files.read('/d/f')), { value: undefined }, 'a lost disk is empty')
})

await t.test('an append under way at a crash is kept whole, torn and lost, and nothing that came after a torn one', async (t) => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 60; seed++) {
    const { world } = worldOf(seed)
    const machine = world.machine('m')
    const effects = machine.start()
    void effects.files.append('/f', bytes('aa'))
    void effects.files.append('/f', bytes('bb'))
    machine.crash()
    const read = await settle(world, machine.start().files.read('/f'))
    seen.add(Buffer.from((read as { value: Uint8Array | undefined }).value ?? []).toString())
  }
  t.same([...seen].sort(), ['', 'a', 'aa', 'aab', 'aabb'])
})

await t.test('power loss keeps what was durable', async (t) => {
  const lengths = new Set<number>()
  let ends = 0
  for (let seed = 1; seed <= 60; seed++) {
    const { world } = worldOf(seed)
    const machine = world.machine('m')
    const { files } = machine.start()
    await settle(world, files.append('/f', bytes('durable'), true))
    await settle(world, files.append('/f', bytes(' and')))
    await settle(world, files.append('/f', bytes(' not')))
    await settle(world, files.replace('/g', bytes('old'), true))
    await settle(world, files.replace('/g', bytes('new')))
    machine.losePower()
    const again = machine.start().files
    const read = (await settle(world, again.read('/f')) as { value: Uint8Array }).value
    t.equal(Buffer.from(read.subarray(0, 7)).toString(), 'durable')
    lengths.add(read.length)
    ends += read.length === 7 || read.length === 11 || read.length === 15 ? 1 : 0
    const replaced = (await settle(world, again.read('/g')) as { value: Uint8Array }).value
    t.match(Buffer.from(replaced).toString(), /^(old|new)$/)
  }
  t.ok(lengths.size > 3, 'of the rest as much as the dice say')
  t.ok(ends > 30, 'mostly up to where a write ended')
})

await t.test('a store that fails says so, before the deed or after it', async (t) => {
  const before = worldOf(3, { failBefore: 1 })
  t.ok((await settle(before.world, before.world.machine('m').start().storage().write('k', bodyOf('x'), context)) as { error: unknown }).error instanceof TempFail)
  await t.rejects(before.store.stat('k', context), ObjectNotFound)
  const after = worldOf(3, { failAfter: 1 })
  t.ok((await settle(after.world, after.world.machine('m').start().storage().write('k', bodyOf('x'), context)) as { error: unknown }).error instanceof TempFail)
  t.equal((await after.store.stat('k', context)).size, 1)
  const down = worldOf(3)
  down.world.takeStoreDown(1000)
  t.ok((await settle(down.world, down.world.machine('m').start().storage().list('', context)) as { error: unknown }).error instanceof TempFail)
})

await t.test('a listing that lags learns of each object some time after it came, and after it went', async (t) => {
  const { world } = worldOf(4, { listingLagMs: 1000 })
  const store = world.machine('m').start().storage()
  const names = Array.from({ length: 20 }, (_, at) => `k/${String(at).padStart(2, '0')}`)
  const keys = async (): Promise<string[]> => (await settle(world, store.list('k/', context)) as { value: { objects: { key: string }[] } }).value.objects.map(({ key }) => key)
  const seen = new Set<number>()
  const look = async (): Promise<void> => {
    for (let at = 0; at < 20; at++) {
      seen.add((await keys()).length)
      await settle(world, world.sleep(60))
    }
  }
  await Promise.all(names.map((name) => settle(world, store.write(name, bodyOf('x'), context))))
  await look()
  t.same(await keys(), names)
  t.ok(seen.size > 3, 'they came one by one')
  t.equal((await settle(world, store.list('k', context, { delimiter: '/' })) as { value: { prefixes: string[] } }).value.prefixes.join(), 'k/')
  seen.clear()
  await settle(world, store.deleteMany(names, context))
  await look()
  t.same(await keys(), [])
  t.ok(seen.size > 3, 'they went one by one')
})

await t.test('a write whose process died is lost, or comes at once, or late', async (t) => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 40; seed++) {
    const { world, store } = worldOf(seed, { lateMs: 30_000 })
    const machine = world.machine('m')
    const there = (): Promise<boolean> => store.stat('k', context).then(() => true, () => false)
    void machine.start().storage().write('k', bodyOf('x'), context)
    machine.crash()
    await settle(world, world.sleep(1))
    const soon = await there()
    await settle(world, world.sleep(30_000))
    seen.add(soon ? 'at once' : await there() ? 'late' : 'lost')
  }
  t.same([...seen].sort(), ['at once', 'late', 'lost'])
})

await t.test('after a loss of power files may be back that were removed, renamed or cut, unless something was made durable since', async (t) => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 80; seed++) {
    const { world } = worldOf(seed)
    const machine = world.machine('m')
    const { files, bootId } = machine.start()
    for (const path of ['/gone', '/named', '/cut', '/sure']) await settle(world, files.append(path, bytes('text'), true))
    await settle(world, files.remove('/sure'))
    await settle(world, files.append('/cut', bytes('!'), true))
    await settle(world, files.remove('/gone'))
    await settle(world, files.rename('/named', '/other'))
    await settle(world, files.truncate('/cut', 2))
    machine.losePower()
    const again = machine.start()
    t.not(again.bootId, bootId)
    const there = new Map<string, string>()
    for (const path of ['/gone', '/named', '/other', '/cut', '/sure']) {
      const { value } = await settle(world, again.files.read(path)) as { value: Uint8Array | undefined }
      if (value !== undefined) there.set(path, Buffer.from(value).toString())
    }
    t.not(there.has('/sure'), true)
    t.not(there.has('/named'), there.has('/other'), 'it has one name')
    t.notOk(there.has('/gone') && !there.has('/named'), 'in reverse order')
    t.match(there.get('/cut'), /^te(xt!)?$/)
    seen.add(`${there.has('/gone')} ${there.has('/named')} ${there.get('/cut')}`)
  }
  t.equal(seen.size, 6, 'all that can be')
})
