// Somebody deletes the manifest, empties it, cuts it, or puts an older one back. With the local files whole nothing is lost, no session
// is ended, and the next upload mends it; without them mails, and what the copy of the list and the bundles say, are found.

import t from 'tap'
import { decodeRoot } from '../../../actors/user/root-codec.ts'
import { Flag } from '../../../actors/user/types.ts'
import type { UserActor } from '../../../actors/user/user.ts'
import { context, draft, newWorld, open, seen, within } from './fixture.ts'
import { HookedStore } from './hooked-store.ts'

const key = 'ab/cde/jane/idx/manifest'
const flagged = { mode: 'add' as const, flags: { system: Flag.Flagged, keywords: ['K'] } }

async function bytesOf(store: HookedStore, name = key): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await store.read(name, context)).body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** As it is now. */
async function kept(store: HookedStore): Promise<() => Promise<unknown>> {
  const [bytes, { metadata }] = [await bytesOf(store), await store.stat(key, context)]
  return () => store.write(key, { size: bytes.length, parts: [bytes] }, context, { metadata })
}

const rewritten = (change: (bytes: Buffer) => Buffer, withMetadata = true) => async (store: HookedStore): Promise<void> => {
  const [bytes, { metadata }] = [change(await bytesOf(store)), await store.stat(key, context)]
  await store.write(key, { size: bytes.length, parts: [bytes] }, context, withMetadata ? { metadata } : {})
}

const damages: Record<string, (store: HookedStore) => Promise<void>> = {
  deleted: (store) => store.delete(key, context),
  cut: rewritten((bytes) => bytes.subarray(0, bytes.length >> 1)),
  'changed in one bit': rewritten((bytes) => Buffer.from(bytes.map((byte, at) => (at === 100 ? byte ^ 4 : byte)))),
  emptied: rewritten(() => Buffer.alloc(0)),
  'emptied, and without metadata': rewritten(() => Buffer.alloc(0), false),
  'copied without metadata': rewritten((bytes) => bytes, false),
}

const listed = (user: UserActor): string[] => user.list().map(({ name, guid }) => `${name} ${guid}`)
const everything = async (user: UserActor): Promise<unknown[]> => {
  const all: unknown[] = []
  for (const { name, guid } of user.list()) if (guid !== undefined) all.push(await within(user, name, async (mailbox) => [name, mailbox.uidValidity, seen(mailbox)]))
  return all
}
const isWhole = async (store: HookedStore): Promise<boolean> => decodeRoot(await bytesOf(store)) !== undefined

for (const [how, damage] of Object.entries(damages)) {
  t.test(`${how}, while the user is open: no session hears of it, and the next upload mends it`, async (t) => {
    const a = newWorld(t)
    const user = await open(a)
    await user.create(context, 'Work')
    await user.append(context, 'Work', [draft('one')])
    const told: string[] = []
    user.attach({ id: 's', service: 'imap', closing: (reason) => { told.push(reason) } })
    await damage(a.store)
    await within(user, 'Work', (mailbox) => mailbox.store(context, [1], flagged))
    await user.flush()
    t.same(told, [])
    t.ok(await isWhole(a.store))
    await user.create(context, 'Later')
    const before = [listed(user), await everything(user)]
    // As if the machine had burnt down.
    const other = await open(newWorld(t, a.store))
    t.same([listed(other), await everything(other)], before)
    for (const one of [other, user]) await one.stop(5000)
  })

  t.test(`${how}, while nobody has the user: its local files know everything, and it is mended`, async (t) => {
    const a = newWorld(t)
    const user = await open(a)
    await user.create(context, 'Work')
    await user.append(context, 'Work', [draft('one')])
    await user.flush()
    await within(user, 'Work', (mailbox) => mailbox.store(context, [1], flagged))
    await user.append(context, 'Work', [draft('two')])
    await user.subscribe(context, 'Work')
    const before = [listed(user), await everything(user)]
    a.store.before = (operation) => { if (operation === 'write') throw Object.assign(new Error('away'), { name: 'TempFail' }) }
    await user.stop(5000)
    a.store.before = () => {}
    await damage(a.store)
    const again = await open(a)
    t.same([listed(again), await everything(again)], before)
    t.same(again.subscriptions(), ['Work'])
    await again.flush()
    t.ok(await isWhole(a.store))
    const other = await open(newWorld(t, a.store))
    t.same([listed(other), await everything(other)], before)
    for (const one of [other, again]) await one.stop(5000)
  })

  t.test(`${how}, and the local files are lost: names are those of the copy, and what is uploaded then counts`, async (t) => {
    const a = newWorld(t)
    const user = await open(a)
    await user.create(context, 'Work')
    await user.append(context, 'Work', [draft('one'), draft('two')])
    await user.stop(5000)
    for (let machine = 0; machine < 3; machine++) {
      const next = await open(newWorld(t, a.store))
      await within(next, 'Work', (mailbox) => mailbox.store(context, [1], { mode: 'add', flags: { system: 0, keywords: [`k${machine}`] } }))
      if (machine === 2) await within(next, 'Work', (mailbox) => mailbox.expunge(context, [2]))
      await next.stop(5000)
    }
    await damage(a.store)
    const other = await open(newWorld(t, a.store))
    t.equal(listed(other).join(), listed(user).join())
    await within(other, 'Work', async (mailbox) => {
      t.match(seen(mailbox), [{ uid: 1, keywords: ['k0', 'k1', 'k2'] }])
      t.equal(mailbox.messages.count, 1)
      await mailbox.store(context, [1], flagged)
    })
    await other.stop(5000)
    const last = await open(newWorld(t, a.store))
    await within(last, 'Work', async (mailbox) => { t.match(seen(mailbox), [{ uid: 1, keywords: ['k0', 'k1', 'k2', 'K'], flags: Flag.Flagged }]) })
    await last.stop(5000)
  })
}

for (const whose of ['its own', "another machine's"] as const) {
  t.test(`an older one, ${whose}, put back: the local files know better, and it is mended`, async (t) => {
    for (const running of [true, false]) {
      const a = newWorld(t)
      const first = await open(a)
      await first.append(context, 'INBOX', [draft('one')])
      const old = await kept(a.store)
      const b = whose === 'its own' ? a : newWorld(t, a.store)
      if (b === a) await first.flush()
      else await first.stop(5000)
      const user = b === a ? first : await open(b)
      await user.create(context, 'Work')
      await user.append(context, 'Work', [draft('two')])
      await within(user, 'Work', (mailbox) => mailbox.store(context, [1], flagged))
      const before = [listed(user), await everything(user)]
      const told: string[] = []
      user.attach({ id: 's', service: 'imap', closing: (reason) => { told.push(reason) } })
      if (!running) await user.stop(5000)
      await old()
      const now = running ? user : await open(b)
      t.same([listed(now), await everything(now)], before)
      await within(now, 'Work', (mailbox) => mailbox.store(context, [1], { mode: 'add', flags: { system: Flag.Seen, keywords: [] } }))
      await now.flush()
      const after = [listed(now), await everything(now)]
      if (running) t.same(told, [])
      const other = await open(newWorld(t, a.store))
      t.same([listed(other), await everything(other)], after)
      for (const one of [other, now]) await one.stop(5000)
    }
  })
}

for (const [how, change] of Object.entries({ cut: (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length >> 1), 'changed in one bit': (bytes: Buffer) => Buffer.from(bytes.map((byte, at) => (at === 100 ? byte ^ 4 : byte))) })) {
  t.test(`${how}, where manifests are found by listing: the next upload mends it, while the user is open and after`, async (t) => {
    const store = Object.assign(new HookedStore(), { conditionalWrites: false })
    const named = async (): Promise<string> => (await store.keys(`${key}.0`))[0]!
    const damage = async (): Promise<void> => {
      const name = await named()
      const [bytes, { metadata }] = [change(await bytesOf(store, name)), await store.stat(name, context)]
      await store.write(name, { size: bytes.length, parts: [bytes] }, context, { metadata })
    }
    const whole = async (): Promise<boolean> => decodeRoot(await bytesOf(store, await named())) !== undefined
    const world = newWorld(t, store)
    const user = await open(world)
    await user.append(context, 'INBOX', [draft('one')])
    await user.flush()
    await damage()
    await within(user, 'INBOX', (mailbox) => mailbox.store(context, [1], flagged))
    await user.flush()
    t.ok(await whole())
    store.calls = []
    await within(user, 'INBOX', (mailbox) => mailbox.store(context, [1], { ...flagged, mode: 'remove' }))
    await user.flush()
    t.notOk(store.calls.some((call) => /^write .*\/idx\/manifest\.0/.test(call)), 'and once only')
    await user.stop(5000)
    await damage()
    const again = await open(world)
    await again.append(context, 'INBOX', [draft('two')])
    await again.flush()
    t.ok(await whole())
    await again.stop(5000)
  })
}
