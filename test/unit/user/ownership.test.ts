// Whose a user is: machines that have the same user one after the other, and at the same time.

import fs from 'node:fs'
import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import type { UserActor } from '../../../actors/user/user.ts'
import { Manifest } from '../../../actors/user/manifest.ts'
import { RootState } from '../../../actors/user/root-state.ts'
import type { NamespaceSettings } from '../../../conf/settings.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { context, draft, newWorld, open, overFiles, seen, textOf, uidsOf, within } from './fixture.ts'
import { HookedStore } from './hooked-store.ts'

const seenFlag = { mode: 'add' as const, flags: { system: Flag.Seen, keywords: ['Work'] } }
const manifest = 'ab/cde/jane/idx/manifest'
const everything = (user: UserActor, name = 'INBOX'): Promise<unknown> => within(user, name, async (mailbox) => seen(mailbox))

t.test('moved from A to B and back, a user is what it was on B', async (t) => {
  const a = newWorld(t)
  const first = await open(a)
  await first.append(context, 'INBOX', [draft('one'), draft('two')])
  await first.stop(5000)

  const b = newWorld(t, a.store)
  const second = await open(b)
  await second.create(context, 'Work')
  const { uids } = await second.append(context, 'INBOX', [draft('three')])
  await within(second, 'INBOX', async (inbox) => { await inbox.store(context, [1], seenFlag); await inbox.expunge(context, [2]) })
  const before = await everything(second)
  const modseq = await within(second, 'INBOX', async (inbox) => inbox.highestModseq)
  await second.stop(5000)

  const third = await open(a)
  t.same(third.list().map(({ name }) => name), ['INBOX', 'Work'])
  t.same(await everything(third), before)
  await within(third, 'INBOX', async (inbox) => {
    t.same(uidsOf(inbox), [1, uids[0]])
    t.ok(inbox.highestModseq > modseq)
  })
  const next = await third.append(context, 'INBOX', [draft('four')])
  t.ok(next.uids[0]! > uids[0]!)
  await third.stop(5000)
})

t.test('a user that nobody had meanwhile is opened with one HEAD', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('one')])
  await user.stop(5000)
  world.store.calls = []
  const again = await open(world)
  t.match(await again.status(context, 'INBOX'), { messages: 1 })
  await everything(again)
  t.same(world.store.calls, [`stat ${manifest}`])
  await again.stop(5000)
})

t.test('who has lost a user tells its sessions, and writes nothing more', async (t) => {
  const a = newWorld(t)
  let asked = 0
  const loser = await open(a, {}, { idle: () => { asked++ } })
  await loser.append(context, 'INBOX', [draft('one')])
  const told: string[] = []
  loser.attach({ id: 's', service: 'imap', closing: (reason) => { told.push(reason) } })
  const winner = await open(newWorld(t, a.store))
  await t.rejects(loser.create(context, 'Lost'), { name: 'TempFail', message: /another backend/ })
  t.same(told, ['[UNAVAILABLE] jane is served by another backend now'])
  t.equal(asked, 1)
  await t.rejects(loser.append(context, 'INBOX', [draft('two')]), { name: 'TempFail' })
  a.store.calls = []
  await loser.stop(5000)
  t.ok(a.store.calls.every((call) => call.includes('/idx/orphan.') || call.endsWith('/idx/manifest')), 'but what only it had')
  t.same(winner.list().map(({ name }) => name), ['INBOX'])
  t.match(await winner.status(context, 'INBOX'), { messages: 1 })
  await winner.stop(5000)
})

t.test('who is stopped with changes that need no upload yet asks whose the user is, and leaves them to its new owner', async (t) => {
  const a = newWorld(t)
  const loser = await open(a)
  await loser.append(context, 'INBOX', [draft('one'), draft('two')])
  const winner = await open(newWorld(t, a.store))
  t.match(await winner.status(context, 'INBOX'), { messages: 2 })
  // Listed by the winner already, and acknowledged within the loser's lease.
  await loser.append(context, 'INBOX', [draft('three')])
  await loser.stop(5000)
  t.ok(a.log.some(({ name }) => name === 'user.lost'))
  t.ok((await a.store.keys()).some((key) => key.includes('/idx/orphan.')))
  // Its owner sees it when it writes its manifest next.
  await winner.create(context, 'Work')
  while ((await winner.status(context, 'INBOX')).messages < 3) await new Promise((resolve) => { setTimeout(resolve, 5) })
  await winner.stop(5000)
})

t.test('that question is one HEAD, at the end of the process alone; without an answer the changes stay here', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('one')])
  world.store.calls = []
  await user.stop(5000)
  t.same(world.store.calls, [`stat ${manifest}`])
  let sleeps = (): void => {}
  const asleep = new Promise<void>((resolve) => { sleeps = resolve })
  const again = await open(world, { metacache_close_delay: 50 }, { limits: { userIdleMs: 50, mailboxIdleMs: 1 }, idle: () => { sleeps() } })
  await again.append(context, 'INBOX', [draft('two')])
  world.store.calls = []
  const alive = setInterval(() => {}, 1000)
  await asleep
  clearInterval(alive)
  await again.stop(5000)
  t.same(world.store.calls, [], 'not where nobody has needed the user for a while')
  const third = await open(world)
  await third.append(context, 'INBOX', [draft('three')])
  world.store.before = () => { throw new TempFail('away') }
  await third.stop(5000)
  world.store.before = () => {}
  const last = await open(world)
  t.match(await last.status(context, 'INBOX'), { messages: 3 })
  await last.stop(5000)
})

t.test('a manifest write that was answered with an error all the same is ours', async (t) => {
  const world = newWorld(t)
  const user = await open(world)

  const write = world.store.write.bind(world.store)
  world.store.write = async (...args) => {
    await write(...args)
    throw new TempFail('504')
  }
  await t.rejects(user.create(context, 'a'), { name: 'TempFail' })
  world.store.write = write
  t.equal(user.find('a'), undefined)
  await user.append(context, 'INBOX', [draft('one')])
  const other = await open(newWorld(t, world.store))
  t.same(other.list().map(({ name }) => name), ['INBOX'], 'what failed is not true in the store either')
  await other.stop(5000)
  await user.stop(5000)
})

t.test('two that open a new user at the same time agree on its INBOX', async (t) => {
  const a = newWorld(t)
  const users = await Promise.allSettled([open(a), open(newWorld(t, a.store))])
  t.ok(users.some(({ status }) => status === 'fulfilled'))
  const third = await open(newWorld(t, a.store))
  await third.append(context, 'INBOX', [draft('one')])
  t.same(third.list().map(({ name }) => name), ['INBOX'])
  for (const user of users) if (user.status === 'fulfilled') await user.value.stop(5000)
  await third.stop(5000)
})

t.test('what only the loser had comes to the winner: mails, flags, expunges, subscriptions', async (t) => {
  const a = newWorld(t)
  const loser = await open(a)
  await loser.append(context, 'INBOX', ['one', 'two', 'three', 'four'].map((subject) => draft(subject)))
  await loser.flush()
  const b = newWorld(t, a.store)
  const winner = await open(b)
  await within(winner, 'INBOX', (inbox) => inbox.store(context, [1], { mode: 'add', flags: { system: Flag.Flagged, keywords: [] } }))
  const mine = await winner.append(context, 'INBOX', [draft('mine')])
  // The loser does not know yet.
  await within(loser, 'INBOX', async (inbox) => {
    await inbox.store(context, [1, 3], seenFlag)
    await inbox.expunge(context, [2])
  })
  await loser.append(context, 'INBOX', [draft('theirs', { flags: { system: Flag.Draft, keywords: ['Late'] } })])
  await loser.subscribe(context, 'INBOX')
  await t.rejects(loser.flush(), { name: 'TempFail' })
  await loser.stop(5000)
  // The winner learns of it where it confirms its next upload.
  await winner.flush()
  await within(winner, 'INBOX', async (inbox) => {
    for (let waits = 0; !b.log.some(({ name }) => name === 'metacache.merged') && waits < 500; waits++) await new Promise((resolve) => { setTimeout(resolve, 5) })
    t.same(uidsOf(inbox).slice(0, 4), [1, 3, 4, mine.uids[0]])
    t.match(seen(inbox), [
      { uid: 1, flags: Flag.Flagged | Flag.Seen, keywords: ['Work'] }, { uid: 3, flags: Flag.Seen }, { uid: 4, flags: 0 },
      { flags: 0 }, { flags: Flag.Draft, keywords: ['Late'] },
    ])
    t.ok(uidsOf(inbox)[4]! > mine.uids[0]!, 'a UID that nobody has')
  })
  await winner.stop(5000)
  const third = await open(newWorld(t, a.store))
  t.same(third.subscriptions(), ['INBOX'])
  t.match(await third.status(context, 'INBOX'), { messages: 5 })
  await third.stop(5000)
  t.same((await a.store.keys()).filter((key) => key.includes('orphan')), [])
})

t.test('after a crash and a turn on another machine, what only the old disk had is merged at its next opening', async (t) => {
  const a = newWorld(t)
  const crashed = await open(a)
  await crashed.append(context, 'INBOX', [draft('one'), draft('two')])
  await crashed.flush()
  await within(crashed, 'INBOX', (inbox) => inbox.store(context, [1], seenFlag))
  fs.cpSync(`${a.directory}/jane`, `${a.directory}/copy/jane`, { recursive: true })
  const b = newWorld(t, a.store)
  const second = await open(b)
  await within(second, 'INBOX', (inbox) => inbox.store(context, [2], seenFlag))
  await second.stop(5000)
  const third = await open({ ...a, directory: `${a.directory}/copy` })
  await within(third, 'INBOX', async (inbox) => {
    t.match(seen(inbox), [{ uid: 1, flags: Flag.Seen, keywords: ['Work'] }, { uid: 2, flags: Flag.Seen, keywords: ['Work'] }])
  })
  await third.stop(5000)
  await crashed.stop(5000)
})

/** A store that does not know what a condition is. */
class Unconditional extends HookedStore {
  override readonly conditionalWrites: boolean = false
  override write(...[key, body, , options]: Parameters<HookedStore['write']>): Promise<{ etag: string }> {
    return super.write(key, body, context, { metadata: options?.metadata ?? {} })
  }
}

t.test('without conditions owners are found by listing: one after the other, and both at once', async (t) => {
  const a = newWorld(t, new Unconditional())
  const manifests = async (): Promise<string[]> => (await a.store.keys()).filter((key) => /\/manifest(?!\.copy)/.test(key))
  const first = await open(a)
  await first.append(context, 'INBOX', [draft('one')])
  await first.flush()
  t.equal((await manifests()).length, 1)
  const second = await open(newWorld(t, a.store))
  t.match((await manifests())[0], /manifest\.00000002\.00000001\./)
  await within(first, 'INBOX', (inbox) => inbox.store(context, [1], seenFlag))
  await first.append(context, 'INBOX', [draft('two')])
  await t.rejects(first.flush(), { name: 'TempFail' })
  await first.stop(5000)
  await second.append(context, 'INBOX', [draft('three')])
  await second.stop(5000)
  const third = await open(a)
  await within(third, 'INBOX', async (inbox) => {
    t.equal(inbox.messages.count, 3)
    t.equal(inbox.messages.flags[0], Flag.Seen)
  })
  await third.stop(5000)
  t.equal((await manifests()).length, 1)
})

/** A store in front of which something drops conditions when it is told to. */
class Forgetful extends HookedStore {
  forgets = false
  override write(...[key, body, context, options]: Parameters<HookedStore['write']>): Promise<{ etag: string }> {
    return super.write(key, body, context, this.forgets ? { metadata: options?.metadata ?? {} } : options)
  }
}

t.test('a condition that was forgotten is noticed, manifests are listed from then on, and no mail is lost', async (t) => {
  const store = new Forgetful()
  const [a, b] = [newWorld(t, store), newWorld(t, store)]
  // Long behind what the loser leaves behind: a mailbox that is found before that has lost its name.
  const late = { limits: { secondLookMs: 10_000 } }
  const alive = setInterval(() => {}, 1000)
  const loser = await open(a, {}, late)
  await loser.append(context, 'INBOX', [draft('one')])
  await loser.flush()
  const winner = await open(b, {}, late)
  await winner.append(context, 'INBOX', [draft('two')])
  store.forgets = true
  await loser.create(context, 'Work')
  store.forgets = false
  await loser.append(context, 'Work', [draft('three')])
  await loser.flush()
  await winner.flush()
  t.match(b.log.filter(({ name }) => name === 'store.condition_ignored'), [{ level: 'error' }])
  await t.rejects(loser.create(context, 'Other'), { message: /another backend/ }, 'by the mark in the place of the manifest')
  await loser.stop(5000)
  await winner.subscribe(context, 'INBOX')
  await winner.flush()
  const subjects = async (user: UserActor): Promise<string[]> => {
    const found: string[] = []
    for (const { name } of user.list()) await within(user, name, async (mailbox) => { for (const uid of uidsOf(mailbox)) found.push(/Subject: (.*)\r/.exec(await textOf(mailbox, uid))![1]!) })
    return found.sort()
  }
  while ((await subjects(winner)).length < 3 || winner.find('Work') === undefined) await new Promise((resolve) => { setTimeout(resolve, 20) })
  await winner.stop(5000)
  const third = await open(newWorld(t, store))
  t.same(await subjects(third), ['one', 'three', 'two'])
  t.ok(third.find('Work'))
  await third.stop(5000)
  clearInterval(alive)
})

t.test('a user whose mailboxes are still to be compared with the store stays until they are, though nobody uses it', async (t) => {
  const store = new Forgetful()
  const [a, b] = [newWorld(t, store), newWorld(t, store)]
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => { clearInterval(alive) })
  const loser = await open(a)
  const idle = Promise.withResolvers<void>()
  const noticed = (): boolean => b.log.some(({ name }) => name === 'store.condition_ignored')
  const limits = { secondLookMs: 300, mailboxIdleMs: 1, userIdleMs: 1 }
  const winner = await open(b, { metacache_close_delay: 0 }, { limits, idle: () => { if (noticed()) idle.resolve() } })
  store.forgets = true
  await loser.create(context, 'Work')
  store.forgets = false
  await loser.append(context, 'Work', [draft('acknowledged')])
  await winner.subscribe(context, 'INBOX')
  await winner.flush()
  t.ok(noticed())
  await idle.promise
  t.equal(winner.list().length, 2, 'what the other one had acknowledged is there')
  await winner.stop(5000)
})

t.test('a user that is lost while it is opened is left', async (t) => {
  const a = newWorld(t)
  await (await open(a)).stop(5000)
  const b = newWorld(t, a.store)
  let other: UserActor | undefined
  a.store.before = async (operation, key) => {
    if (operation !== 'write' || key !== manifest) return
    a.store.before = () => {}
    other = await open(b)
  }
  const left = Promise.withResolvers<void>()
  const drafts = { name: 'Drafts', auto: 'create' as const, special_use: [], autoexpunge: 0, autoexpunge_max_mails: 0, driver: '', comment: '' }
  const inbox: NamespaceSettings = {
    name: 'inbox', mailbox: [drafts], type: 'private', separator: '/', prefix: '', location: '', inbox: true, hidden: false, list: 'yes',
    subscriptions: true, ignore_on_failure: false, disabled: false, order: 0, alias_for: '',
  }
  const opened = await open(a, { namespace: [inbox] }, { idle: () => { left.resolve() } })
  t.ok(other)
  await left.promise
  await t.rejects(opened.status(context, 'INBOX'), { message: /another backend/ })
  await opened.stop(5000)
  await other!.stop(5000)
})

t.test('of two backends one may have found out at its start that the store ignores conditions: the other learns it', async (t) => {
  for (const fresh of [false, true]) {
    const store = new HookedStore()
    const a = newWorld(t, store)
    const trusting = await open(a)
    await trusting.append(context, 'INBOX', [draft('one')])
    if (fresh) await trusting.stop(5000)
    const listing = newWorld(t, new Proxy(store, { get: (_, name) => (name === 'conditionalWrites' ? false : ((value: unknown) => (typeof value === 'function' ? value.bind(store) : value))(Reflect.get(store, name, store))) }))
    const user = await open(listing)
    await user.create(context, 'Work')
    await user.append(context, 'Work', [draft('two')])
    if (!fresh) {
      await t.rejects(trusting.flush().then(() => trusting.create(context, 'Other')), { message: /another backend/ })
      await trusting.stop(5000)
    }
    await user.stop(5000)
    const again = await open(newWorld(t, store))
    t.match(await again.status(context, 'Work'), { messages: 1 })
    t.match(await again.status(context, 'INBOX'), { messages: 1 })
    await again.stop(5000)
  }
})

t.test('without conditions, a manifest that is replaced between its listing and a look at it is no lost user', async (t) => {
  const store = Object.assign(new HookedStore(), { conditionalWrites: false })
  const one = new Manifest(store, 'p/idx/', 'jane')
  const state = new RootState()
  Object.assign(state, { epoch: 3, owner: 'a'.repeat(32), write: '1'.repeat(32) })
  const tag = await one.write(context, state, '')
  for (const look of ['stat', 'read'] as const) {
    let replaced = ''
    store.before = async (operation) => {
      if (operation !== look) return
      store.before = () => {}
      state.write = look === 'stat' ? '2'.repeat(32) : '3'.repeat(32)
      replaced = await one.write(context, state, (await one.facts(context))!.tag)
    }
    const facts = look === 'stat' ? await one.facts(context) : await one.read(context)
    t.equal(facts?.owner, state.owner)
    t.equal(facts?.tag, replaced)
    t.not(facts?.tag, tag)
  }
})

t.test('names, UIDVALIDITY and subscriptions survive a damaged manifest by its copy', async (t) => {
  const a = newWorld(t)
  const user = await open(a)
  await user.create(context, 'Work')
  await user.create(context, 'Old')
  await user.rename(context, 'Old', 'New')
  await user.append(context, 'Work', [draft('one')])
  await user.subscribe(context, 'Work')
  await user.stop(5000)
  const before = user.list().map(({ name, guid }) => `${name} ${guid}`)
  const { uidValidity } = await within(await open(a), 'Work', async (mailbox) => mailbox)
  const { metadata } = await a.store.stat(manifest, context)
  await a.store.write(manifest, { size: 7, parts: [Buffer.from('garbage')] }, context, { metadata })
  const b = newWorld(t, a.store)
  const other = await open(b)
  t.ok(b.log.some(({ name }) => name === 'metacache.manifest_damaged'))
  t.same(other.list().map(({ name, guid }) => `${name} ${guid}`), before)
  t.same(other.subscriptions(), ['Work'])
  await within(other, 'Work', async (mailbox) => {
    t.equal(mailbox.uidValidity, uidValidity)
    t.equal(mailbox.messages.count, 1)
  })
  await other.stop(5000)
})

t.test('a mail that came and went while a bundle was on its way stays gone for who takes the user then', async (t) => {
  const a = newWorld(t)
  const loser = await open(a)
  await loser.append(context, 'INBOX', [draft('one')])
  let busy = false
  a.store.before = async (operation, key) => {
    if (operation === 'deleteMany') throw new TempFail('not now')
    if (operation !== 'write' || !key.endsWith('/idx/head') || busy) return
    busy = true
    const { uids } = await loser.append(context, 'INBOX', [draft('come and gone')])
    await within(loser, 'INBOX', (inbox) => inbox.expunge(context, uids))
  }
  await loser.flush()
  t.ok(busy)
  const b = newWorld(t, a.store)
  const winner = await open(b)
  t.match(await winner.status(context, 'INBOX'), { messages: 2 }, 'its object is there')
  await t.rejects(loser.create(context, 'x'), { name: 'TempFail', message: /another backend/ })
  a.store.before = () => {}
  await loser.stop(5000)
  await winner.flush()
  await winner.create(context, 'Work')
  for (let waits = 0; !b.log.some(({ name }) => name === 'metacache.merged') && waits < 500; waits++) await new Promise((resolve) => { setTimeout(resolve, 5) })
  t.same(await within(winner, 'INBOX', async (inbox) => uidsOf(inbox)), [1])
  await winner.stop(5000)
})

t.test('a user that comes back, where the disk fails between snapshot and journal, is not what it was the last time', async (t) => {
  const b = newWorld(t)
  const once = await open(b)
  await once.create(context, 'Work')
  await once.delete(context, 'Work')
  await once.stop(5000)
  const a = newWorld(t, b.store)
  const meanwhile = await open(a)
  await meanwhile.create(context, 'Work')
  await meanwhile.append(context, 'Work', [draft('one')])
  await meanwhile.stop(5000)
  const files = overFiles(b.effects.files, { replace: async (path, ...rest) => {
    if (path.endsWith('/root/journal')) throw new TempFail('disk full')
    return b.effects.files.replace(path, ...rest)
  } })
  await t.rejects(open({ ...b, effects: { ...b.effects, files } }), { name: 'TempFail', message: /disk full/ })
  const again = await open(b)
  t.same(again.list().map(({ name }) => name).sort(), ['INBOX', 'Work'])
  t.match(await again.status(context, 'Work'), { messages: 1 })
  await again.stop(5000)
  const third = await open(newWorld(t, b.store))
  t.match(await third.status(context, 'Work'), { messages: 1 })
  await third.stop(5000)
})
