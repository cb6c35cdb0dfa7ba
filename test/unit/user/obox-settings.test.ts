// The obox and metacache settings that change what the engine does with the store.

import fs from 'node:fs'
import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import type { Settings } from '../../../conf/settings.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { context, draft, messageOf, newWorld, open, seen, textOf, uidsOf, within } from './fixture.ts'

const flagged = { mode: 'add' as const, flags: { system: Flag.Flagged, keywords: [] } }
type World = ReturnType<typeof newWorld>
const mailsIn = async ({ store }: World): Promise<string[]> => (await store.keys()).filter((key) => key.includes('/mailboxes/') && !key.includes('/idx/'))
const second = { limits: { secondLookMs: 0 } }

/** INBOX with mails a, b, c, of which the second has lost its object, at rest. */
async function withLostMail(world: World): Promise<void> {
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a'), draft('b'), draft('c')])
  await user.stop(5000)
  const [, lost] = await mailsIn(world)
  await world.store.delete((await mailsIn(world)).find((key) => key.slice(-27, -19) === '00000002') ?? lost!, context)
}

t.test('a lost mail fails for now; with obox_autofix_storage it is expunged, and nothing else', async (t) => {
  const world = newWorld(t)
  await withLostMail(world)
  const user = await open(world)
  await within(user, 'INBOX', async (inbox) => { await t.rejects(textOf(inbox, 2), { name: 'TempFail' }) })
  await user.stop(5000)
  const fixing = await open(world, { obox_autofix_storage: true })
  await within(fixing, 'INBOX', async (inbox) => {
    t.same(uidsOf(inbox), [1, 2, 3])
    world.store.operations()
    await t.rejects(textOf(inbox, 2), { name: 'MailError', code: 'EXPUNGEISSUED' })
    t.same(world.store.operations().slice(0, 3), ['read', 'list', 'stat'])
    t.same(uidsOf(inbox), [1, 3])
    t.equal(await textOf(inbox, 3), messageOf('c').toString())
  })
  t.ok(world.log.some(({ name }) => name === 'obox.autofix'))
  t.equal((await mailsIn(world)).length, 2)
  await fixing.stop(5000)
})

t.test('obox_autofix_storage expunges nothing while the store is away', async (t) => {
  const world = newWorld(t)
  await withLostMail(world)
  const user = await open(world, { obox_autofix_storage: true })
  await within(user, 'INBOX', async (inbox) => {
    world.store.before = (operation) => { if (operation !== 'read') throw new TempFail('away') }
    await t.rejects(textOf(inbox, 2), { name: 'TempFail' })
    t.same(uidsOf(inbox), [1, 2, 3])
  })
  world.store.before = () => {}
  await user.stop(5000)
})

t.test('obox_fetch_lost_mails_as_empty: empty lines of the same size, and the mail itself when it is back', async (t) => {
  const world = newWorld(t)
  await withLostMail(world)
  const user = await open(world, { obox_fetch_lost_mails_as_empty: true })
  await within(user, 'INBOX', async (inbox) => {
    const size = messageOf('b').length
    const text = await textOf(inbox, 2)
    t.equal(text.length, size)
    t.match(text, /^(\r\n)+ ?$/)
    t.equal(await textOf(inbox, 2, { start: 3, end: 11 }), text.slice(3, 11))
    t.equal(await textOf(inbox, 1), messageOf('a').toString())
    t.same(uidsOf(inbox), [1, 2, 3])
  })
  t.ok(world.log.some(({ name }) => name === 'obox.mail_missing'))
  await user.stop(5000)
})

t.test('obox_disable_fast_copy: read and written, small or large, metadata and all', async (t) => {
  const world = newWorld(t)
  const user = await open(world, { obox_disable_fast_copy: true, mail_temp_dir: world.directory })
  await user.create(context, 'Work')
  const text = 'line of text\r\n'.repeat(40_000)
  await user.append(context, 'INBOX', [draft('small'), draft('large', { text })])
  world.store.operations()
  await within(user, 'INBOX', (inbox) => inbox.copy(context, [1, 2], 'Work', { move: false }))
  t.same(world.store.operations(), ['read', 'write', 'read', 'write'])
  await within(user, 'Work', async (work) => {
    t.equal(await textOf(work, 1), messageOf('small').toString())
    t.equal(await textOf(work, 2), messageOf('large', text).toString())
  })
  const [work, inbox] = [user.find('Work')!.guid!, user.find('INBOX')!.guid!]
  const copy = (await mailsIn(world)).find((key) => key.includes(work))!
  t.match((await world.store.stat(copy, context)).metadata, { username: 'jane', origbox: inbox })
  t.same(fs.readdirSync(world.directory).filter((name) => name.startsWith('culver.')), [], 'nothing is left in mail_temp_dir')
  await user.stop(5000)
})

for (const [action, size, warned] of [['warn-read', 14, true], ['read', 14, false], ['stat', 11, false]] as const) {
  t.test(`obox_size_missing_action = ${action}`, async (t) => {
    const world = newWorld(t)
    const user = await open(world)
    const guid = user.find('INBOX')!.guid!
    await user.stop(5000)
    const bytes = Buffer.from('A: b\n\ntext\n')
    await world.store.write(`ab/cde/jane/mailboxes/${guid}/d88ff1001d4bf753a1b800001accfe22`, { size: bytes.length, parts: [bytes] }, context, { metadata: { guid: 'aa8ff1001d4bf753a1b800001accfe22' } })
    // Handed over without it: it is found where mailboxes are listed all the same.
    const elsewhere = newWorld(t, world.store)
    const again = await open(elsewhere, { obox_size_missing_action: action, metacache_disable_bundle_list_cache: true })
    await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.sizes[0], size) })
    t.equal(elsewhere.log.some(({ name }) => name === 'obox.size_missing'), warned)
    await again.stop(5000)
  })
}

t.test('obox_avoid_cached_vsize: a size that another server wrote is not believed', async (t) => {
  for (const [settings, size] of [[{}, 99], [{ obox_avoid_cached_vsize: true }, 14]] as [Partial<Settings>, number][]) {
    const world = newWorld(t)
    const user = await open(world)
    const guid = user.find('INBOX')!.guid!
    await user.stop(5000)
    const bytes = Buffer.from('A: b\r\n\r\ntext\r\n')
    await world.store.write(`ab/cde/jane/mailboxes/${guid}/d88ff1001d4bf753a1b800001accfe22`, { size: bytes.length, parts: [bytes] }, context, { metadata: { size: '99' } })
    const again = await open(newWorld(t, world.store), { ...settings, metacache_disable_bundle_list_cache: true })
    await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.sizes[0], size) })
    await again.stop(5000)
  }
})

t.test('obox_rescan_mails_once_after: once, for mailboxes that were not listed since', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  await user.stop(5000)
  const guid = user.find('INBOX')!.guid!
  const bytes = Buffer.from('A: b\r\n\r\n')
  await world.store.write(`ab/cde/jane/mailboxes/${guid}/d88ff1001d4bf753a1b800001accfe22`, { size: bytes.length, parts: [bytes] }, context, { metadata: { size: '8' } })
  await world.store.delete((await mailsIn(world)).find((key) => !key.includes('d88ff1001d4bf753'))!, context)
  const after = Math.trunc(Date.now() / 1000)
  // Mailboxes younger than that have nothing to be looked for.
  const later = { ...world, effects: { ...world.effects, clock: { ...world.effects.clock, now: () => Date.now() + 100_000 } } }
  const rescanning = { obox_rescan_mails_once_after: after + 50 }
  const early = await open(world, rescanning)
  await within(early, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 2, 'not before its time') })
  await early.stop(5000)
  const again = await open(later, rescanning)
  world.store.operations()
  await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 2, 'one has come, one has gone') })
  t.ok(world.store.operations().includes('list'))
  const rows = await within(again, 'INBOX', async (inbox) => seen(inbox))
  await again.stop(5000)
  const third = await open(later, rescanning)
  world.store.operations()
  t.same(await within(third, 'INBOX', async (inbox) => seen(inbox)), rows)
  t.notOk(world.store.operations().includes('list'), 'once')
  await third.stop(5000)
})

t.test('a rescan while the store is away keeps nobody out, and is made up for', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a')])
  await user.stop(5000)
  const later = { ...world, effects: { ...world.effects, clock: { ...world.effects.clock, now: () => Date.now() + 100_000 } } }
  const again = await open(later, { obox_rescan_mails_once_after: Math.trunc(Date.now() / 1000) + 50 }, { limits: { mailboxIdleMs: 1 } })
  world.store.before = (operation) => { if (operation === 'list') throw new TempFail('away') }
  await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 1) })
  t.ok(world.log.some(({ name }) => name === 'obox.rescan_failed'))
  world.store.before = () => {}
  await again.stop(5000)
})

t.test('metacache_disable_bundle_list_cache: a mailbox that was handed over is listed', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a')])
  await user.flush()
  await user.stop(5000)
  for (const [settings, listed] of [[{}, false], [{ metacache_disable_bundle_list_cache: true }, true]] as [Partial<Settings>, boolean][]) {
    const again = await open(newWorld(t, world.store), settings, second)
    world.store.operations()
    await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 1) })
    t.equal(world.store.operations().includes('list'), listed)
    await again.stop(5000)
  }
})

t.test('metacache_index_merging = none: what another backend had stays in the store, until it is merged', async (t) => {
  const a = newWorld(t)
  const first = await open(a)
  await first.append(context, 'INBOX', [draft('one')])
  await first.flush()
  const b = newWorld(t, a.store)
  const unmerged = await open(b, { metacache_index_merging: 'none' })
  const { mailbox, close } = await unmerged.open(context, 'INBOX')
  // The loser has a flag that nobody else knows.
  await within(first, 'INBOX', (inbox) => inbox.store(context, [1], flagged))
  await first.flush().catch(() => {})
  await first.stop(5000)
  t.ok((await a.store.keys()).some((key) => key.includes('/orphan.')))
  t.equal(mailbox.messages.flags[0], 0)
  close()
  await unmerged.stop(5000)
  const off = await open(b, { metacache_disable_merging: true })
  await within(off, 'INBOX', async (inbox) => { t.equal(inbox.messages.flags[0], 0) })
  t.ok(b.log.some(({ name }) => name === 'metacache.not_merged'))
  await off.stop(5000)
  t.ok((await a.store.keys()).some((key) => key.includes('/orphan.')))
  const merging = await open(b)
  await within(merging, 'INBOX', async (inbox) => { t.equal(inbox.messages.flags[0], Flag.Flagged) })
  await merging.stop(5000)
  t.notOk((await a.store.keys()).some((key) => key.includes('/orphan.')))
})

t.test('obox_username: the name in metadata, of mails and of indexes', async (t) => {
  for (const [settings, name] of [[{}, 'jane'], [{ obox_username: 'jane@old.example' }, 'jane@old.example']] as [Partial<Settings>, string][]) {
    const world = newWorld(t)
    const user = await open(world, settings)
    await user.append(context, 'INBOX', [draft('a')])
    await user.flush()
    await user.stop(5000)
    const keys = await world.store.keys()
    t.equal(keys.length, 3, 'a mail, its index, the manifest')
    for (const key of keys) t.equal((await world.store.stat(key, context)).metadata['username'], name, key)
  }
})

t.test('metacache_close_delay: how long a user that nobody needs stays in memory', async (t) => {
  const times = new Map<number, number>()
  for (const delay of [30, 300]) {
    const began = performance.now()
    await new Promise<void>((resolve, reject) => {
      const alive = setInterval(() => {}, 1000)
      open(newWorld(t), { metacache_close_delay: delay }, { limits: { userIdleMs: 1 }, idle: resolve }).catch(reject)
      t.teardown(() => { clearInterval(alive) })
    })
    times.set(delay, performance.now() - began)
  }
  t.ok(times.get(30)! >= 30)
  t.ok(times.get(300)! >= 300, `${times.get(300)} ms`)
})
