// Several at once, and failures in the middle: UID order, gaps, all or nothing, and what views hear.

import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import type { Mailbox, Update } from '../../../actors/user/types.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { context, draft, newWorld, open, uidsOf, within } from './fixture.ts'
import type { HookedStore } from './hooked-store.ts'

/** Writes of mails wait until they are let through (or failed), by their place in order. */
function gate(store: HookedStore): { arrived(count: number): Promise<void>; pass(n: number): void; fail(n: number): void } {
  const waiting: { resolve(): void; reject(error: unknown): void }[] = []
  let wake: () => void = () => {}
  store.before = (operation, key) => {
    if ((operation !== 'write' && operation !== 'copy') || key.includes('/idx/')) return
    return new Promise<void>((resolve, reject) => {
      waiting.push({ resolve, reject })
      wake()
    })
  }
  return {
    async arrived(count) { while (waiting.length < count) await new Promise<void>((resolve) => { wake = resolve }) },
    pass(n) { waiting[n]!.resolve() },
    fail(n) { waiting[n]!.reject(new TempFail('the store said no')) },
  }
}

t.test('writes run in parallel; mails appear in UID order; a failed one leaves a gap', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('first')])
  await within(user, 'INBOX', async (inbox) => {
    const { arrived, pass, fail } = gate(world.store)
    const settled: string[] = []
    const appends = ['a', 'b', 'c'].map((name) => user.append(context, 'INBOX', [draft(name)])
      .then(({ uids }) => { settled.push(`${name}:${uids.join()}`) }, () => { settled.push(`${name} failed`) }))
    await arrived(3)
    t.equal(inbox.uidNext, 2, 'UIDNEXT is not above what is still to come')
    pass(2)
    await new Promise(setImmediate)
    t.same(uidsOf(inbox), [1], 'the third waits for the others')
    pass(0)
    await appends[0]
    t.same(uidsOf(inbox), [1, 2])
    t.equal(inbox.uidNext, 3)
    fail(1)
    await Promise.all(appends)
    t.same(uidsOf(inbox), [1, 2, 4])
    t.same(settled.toSorted(), ['a:2', 'b failed', 'c:4'])
    t.equal(inbox.uidNext, 5)
  })
  world.store.before = () => {}
  await user.stop(5000)
})

t.test('a multi-append is all or nothing', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  let writes = 0
  world.store.before = (operation, key) => { if (operation === 'write' && !key.includes('/idx/') && ++writes === 3) throw new TempFail('away') }
  await t.rejects(user.append(context, 'INBOX', [draft('a'), draft('b'), draft('c'), draft('d')]), { name: 'TempFail' })
  t.match(await user.status(context, 'INBOX'), { messages: 0 })
  await user.stop(5000)
  t.same((await world.store.keys('ab/cde/jane/mailboxes/')).filter((key) => !key.includes('/idx/')), [], 'and leaves no objects')
})

t.test('a copy is all or nothing', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'To')
  await user.append(context, 'INBOX', [draft('a'), draft('b'), draft('c')])
  let copies = 0
  world.store.before = (operation) => { if (operation === 'copy' && ++copies === 2) throw new TempFail('away') }
  await within(user, 'INBOX', async (inbox) => {
    await t.rejects(inbox.copy(context, [1, 2, 3], 'To', { move: true }), { name: 'TempFail' })
    t.same(uidsOf(inbox), [1, 2, 3])
  })
  t.match(await user.status(context, 'To'), { messages: 0 })
  await user.stop(5000)
})

t.test('past the ceiling of the uploaded bundle, a new one is uploaded first', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { uidReserveBundle: 4 } })
  for (const name of ['a', 'b', 'c', 'd']) await user.append(context, 'INBOX', [draft(name)])
  world.store.operations()
  await user.append(context, 'INBOX', [draft('e')])
  const [first, ...more] = world.store.calls.splice(0)
  t.match(first, /^write .*\/idx\/manifest$/, 'and in the manifest, for much longer')
  t.same(more.map((call) => call.split(' ')[0]), ['write', 'stat', 'write'])
  await within(user, 'INBOX', (inbox) => inbox.expunge(context, [4, 5]))
  world.store.before = (_, key) => { if (key.includes('/idx/')) throw new TempFail('away') }
  const results = await Promise.allSettled(['f', 'g', 'h', 'i', 'j'].map((name) => user.append(context, 'INBOX', [draft(name)])))
  t.same(results.map(({ status }) => status), ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  world.store.before = () => {}
  const again = await open(newWorld(t, world.store), {}, { limits: { uidReserveBundle: 4 } })
  await within(again, 'INBOX', async (inbox) => {
    t.same(uidsOf(inbox), [1, 2, 3, 6, 7, 8, 9])
    t.ok(inbox.uidNext >= 10)
  })
  await again.stop(5000)
  await user.stop(5000)
})

t.test('what the updates tell is what the mailbox is, whoever does what at once', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { journalBytes: 500 } })
  await within(user, 'INBOX', async (inbox) => {
    const heard = listen(inbox)
    await Promise.all(Array.from({ length: 60 }, async (_, n) => {
      const { uids } = await user.append(context, 'INBOX', [draft(`m${n}`)])
      await inbox.store(context, uids, { mode: 'add', flags: { system: Flag.Seen, keywords: [`k${n % 5}`] } })
      if (n % 3 === 0) await Promise.all([inbox.expunge(context, uids), inbox.expunge(context, uids)])
    }))
    t.equal(inbox.messages.count, 40)
    t.same(heard.uids, uidsOf(inbox))
    t.match(await user.status(context, 'INBOX'), { messages: 40, unseen: 0 })
  })
  await user.stop(5000)
  const again = await open(world)
  t.match(await again.status(context, 'INBOX'), { messages: 40, unseen: 0, uidNext: 61 })
  await again.stop(5000)
})

/** The UIDs one knows who only hears the updates; every update must fit those before. */
function listen(mailbox: Mailbox): { uids: number[] } {
  const heard = { uids: [...mailbox.messages.uidList().uids.subarray(0, mailbox.messages.uidList().count)] }
  let position = mailbox.updates.end
  mailbox.updates.subscribe(() => {
    for (; position < mailbox.updates.end; position++) {
      const update: Update = mailbox.updates.at(position)
      if (update.kind === 'append') heard.uids.push(...update.after.uids.subarray(update.after.count - update.count, update.after.count))
      if (update.kind === 'expunge') {
        if (update.before.count !== heard.uids.length) throw new Error(`before: ${update.before.count}, heard ${heard.uids.length}`)
        heard.uids = heard.uids.filter((uid) => !update.uids.includes(uid))
      }
      if (mailbox.messages.uidList().count !== heard.uids.length) throw new Error('the list is not in step with the log')
    }
  })
  return heard
}
