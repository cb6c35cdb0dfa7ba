// A user's ordinary life: mail in, flags, copies, expunge, and everything there again after a restart.

import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import { context, draft, messageOf, newWorld, open, seen, textOf, uidsOf, within } from './fixture.ts'

t.test('a new user has INBOX, and mail goes in and comes out', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  t.same(user.list().map(({ name }) => name), ['INBOX'])
  const result = await user.append(context, 'inbox', [draft('one', { flags: { system: Flag.Seen, keywords: ['Work'] }, internalDate: 1_000_000_000 }), draft('two')])
  t.same(result.uids, [1, 2])
  await within(user, 'INBOX', async (mailbox) => {
    t.equal(mailbox.uidNext, 3)
    t.equal(mailbox.uidValidity, result.uidValidity)
    t.equal(await textOf(mailbox, 1), messageOf('one').toString())
    t.equal(await textOf(mailbox, 2, { start: 6, end: 9 }), messageOf('two').toString().slice(6, 9))
    t.equal(await textOf(mailbox, 2, { start: 6, end: 99999 }), messageOf('two').toString().slice(6))
    t.equal(await textOf(mailbox, 2, { start: 99999 }), '')
    t.match(Buffer.from((await mailbox.summary(context, 2)).header).toString(), /Subject: two/)
    t.equal(mailbox.messages.internalDates[0], 1_000_000_000)
    t.equal(mailbox.claimRecent(true), 1)
    t.equal(mailbox.claimRecent(false), 1)
    t.equal(mailbox.claimRecent(false), 3)
    t.match(await user.status(context, 'INBOX'), { messages: 2, unseen: 1, uidNext: 3, recent: 0 })
  })
  await user.stop(5000)
})

t.test('a delivery to an open user costs one request', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.deliver(context, { draft: draft('first'), from: '', to: 'jane', session: 's' })
  world.store.calls = []
  t.match(await user.deliver(context, { draft: draft('second'), from: '', to: 'jane', session: 's' }), { mailbox: 'INBOX', uid: 2 })
  await within(user, 'INBOX', async (mailbox) => { await mailbox.summary(context, 2) })
  t.same(world.store.operations(), ['write'])
  await user.stop(5000)
})

t.test('a restart finds everything again, with one request', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Work/2024')
  await user.subscribe(context, 'Work/2024')
  await user.append(context, 'Work/2024', [draft('a'), draft('b'), draft('c')])
  const before = await within(user, 'Work/2024', async (mailbox) => {
    await mailbox.store(context, [1, 3], { mode: 'add', flags: { system: Flag.Flagged, keywords: ['$Junk', 'x'] } })
    await mailbox.expunge(context, [2])
    return seen(mailbox)
  })
  await user.stop(5000)
  world.store.calls = []
  const again = await open(world)
  t.same(again.list().map(({ name, guid, hasChildren }) => [name, guid !== undefined, hasChildren]), [['INBOX', true, false], ['Work', false, true], ['Work/2024', true, false]])
  t.same(again.subscriptions(), ['Work/2024'])
  t.match(await again.status(context, 'Work/2024'), { messages: 2, uidNext: 4, unseen: 2 })
  await within(again, 'Work/2024', async (mailbox) => {
    t.same(seen(mailbox), before)
    t.equal(mailbox.uidNext, 4, 'after a clean end UIDNEXT is exact')
    t.equal(await textOf(mailbox, 3), messageOf('c').toString())
  })
  t.same(world.store.operations(), ['stat', 'read'], 'of the manifest, of the body')
  await again.stop(5000)
})

t.test('copy keeps what a mail is, move takes it away from its source', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Archive')
  await user.append(context, 'INBOX', [draft('a', { flags: { system: Flag.Answered, keywords: ['k'] }, internalDate: 5 }), draft('b'), draft('c')])
  await within(user, 'INBOX', async (inbox) => {
    t.match(await inbox.copy(context, [1, 2], 'Archive', { move: false }), { sourceUids: [1, 2], uids: [1, 2] })
    t.match(await inbox.copy(context, [3, 99], 'Archive', { move: true }), { sourceUids: [3], uids: [3] })
    await t.rejects(inbox.copy(context, [1], 'Nowhere', { move: false }), { code: 'TRYCREATE' })
    t.match(await inbox.copy(context, [1], 'INBOX', { move: false }), { uids: [4] })
    t.same(uidsOf(inbox), [1, 2, 4])
    await within(user, 'Archive', async (archive) => {
      t.same(seen(archive).slice(0, 1), seen(inbox).slice(0, 1))
      t.equal(await textOf(archive, 3), messageOf('c').toString())
      t.equal((await archive.summary(context, 3)).size, messageOf('c').length)
    })
  })
  await user.stop(5000)
})

t.test('two sessions that move the same mails move them once', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Archive')
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  await within(user, 'INBOX', async (inbox) => {
    const results = await Promise.all([inbox.copy(context, [1, 2], 'Archive', { move: true }), inbox.copy(context, [1, 2], 'Archive', { move: true })])
    t.same(results.map(({ uids }) => uids), [[1, 2], []])
  })
  t.match(await user.status(context, 'Archive'), { messages: 2 })
  await user.stop(5000)
})

t.test('expunge deletes the objects', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a'), draft('b'), draft('c')])
  await within(user, 'INBOX', async (inbox) => {
    t.same(await inbox.expunge(context, [3, 1, 1, 77]), [1, 3])
    await t.rejects(inbox.read(context, 1), { code: 'EXPUNGEISSUED' })
    await t.rejects(inbox.summary(context, 1), { code: 'EXPUNGEISSUED' })
  })
  await user.stop(5000)
  t.equal((await world.store.keys('ab/cde/jane/mailboxes/')).filter((key) => !key.includes('/idx/')).length, 1)
})

t.test('CONDSTORE: what was changed later is left alone', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  await within(user, 'INBOX', async (inbox) => {
    const then = inbox.highestModseq
    await inbox.store(context, [2], { mode: 'add', flags: { system: Flag.Seen, keywords: [] } })
    const result = await inbox.store(context, [1, 2], { mode: 'replace', flags: { system: Flag.Deleted, keywords: [] }, unchangedSince: then })
    t.same(result, { changed: [1], modified: [2] })
    t.same([...inbox.messages.flags.subarray(0, 2)], [Flag.Deleted, Flag.Seen])
  })
  await user.stop(5000)
})

t.test('keywords: compared without case, limited in number and length', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { keywords: 40, keywordBytes: 10 } })
  const flags = (keywords: string[]) => ({ system: 0, keywords })
  await user.append(context, 'INBOX', [draft('a', { flags: flags(['One']) })])
  await within(user, 'INBOX', async (inbox) => {
    const forty = Array.from({ length: 39 }, (_, n) => `k${n}`)
    await inbox.store(context, [1], { mode: 'add', flags: flags([...forty, 'oNE']) })
    t.equal(inbox.keywords.length, 40)
    t.equal(inbox.messages.keywordsOf(0).length, 40)
    await t.rejects(inbox.store(context, [1], { mode: 'add', flags: flags(['new']) }), { code: 'LIMIT' })
    await t.rejects(user.append(context, 'INBOX', [draft('b', { flags: flags(['new']) })]), { code: 'LIMIT' })
    await t.rejects(inbox.store(context, [1], { mode: 'replace', flags: flags(['longer than ten']) }), { code: 'LIMIT' })
    await inbox.store(context, [1], { mode: 'replace', flags: flags(['k38', 'one']) })
    t.same(inbox.messages.keywordsOf(0), [0, 39])
    t.equal(inbox.messages.hasKeyword(0, 39), true)
    t.equal(inbox.messages.hasKeyword(0, 1), false)
  })
  t.match(await user.status(context, 'INBOX'), { messages: 1 })
  await user.stop(5000)
})

t.test('an idle user asks to be closed, after its mailboxes', async (t) => {
  const world = newWorld(t)
  let told: () => void = () => {}
  const idle = new Promise<void>((resolve) => { told = resolve })
  const user = await open(world, {}, { limits: { mailboxIdleMs: 1, userIdleMs: 1 }, idle: () => { told() } })
  await user.append(context, 'INBOX', [draft('a')])
  // The actors' timers do not keep a process alive.
  const alive = setInterval(() => {}, 1000)
  await idle
  clearInterval(alive)
  t.match(user.describe(), { values: { mailboxes: 0, running: 0 } })
  await user.stop(5000)
  await t.rejects(user.append(context, 'INBOX', [draft('b')]), { name: 'TempFail' })
})
