// What `obox verify` finds and mends: objects without mails, mails without objects, leavings of mailboxes and indexes.

import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { ObjectStore } from '../../../runtime/effects.ts'
import { mailOid } from '../../../actors/user/object-names.ts'
import { Flag } from '../../../actors/user/types.ts'
import type { Verification } from '../../../actors/user/types.ts'
import type { UserActor } from '../../../actors/user/user.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { context, draft, messageOf, newWorld, open, textOf, uidsOf, within } from './fixture.ts'

const guidOf = (n: number): string => n.toString(16).padStart(32, '0')
const put = (store: ObjectStore, key: string, bytes: Uint8Array = Buffer.from('x')): Promise<unknown> => store.write(key, { size: bytes.length, parts: [bytes] }, context)
const verify = (user: UserActor, fix: boolean, mask?: string): Promise<Verification> =>
  user.receive({ kind: 'verify', account: user.account, fix, ...(mask === undefined ? {} : { mask }) }) as Promise<Verification>
const told = ({ findings }: Verification): string[] => findings.map(({ mailbox, kind, done }) => `${mailbox} ${kind} ${done}`.trim()).sort()

void t.test('nothing is wrong where nothing is', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('one'), draft('two')])
  t.same(await verify(user, false), { findings: [], more: 0, mailboxes: 1, mails: 2 })
  // Mails that arrive and go while it looks are no findings.
  let deliveries: Promise<unknown>[] = []
  world.store.before = async (operation) => {
    if (operation !== 'list') return
    world.store.before = () => {}
    deliveries = Array.from({ length: 5 }, (_, n) => user.append(context, 'INBOX', [draft(`meanwhile ${n}`)]))
    deliveries.push(within(user, 'INBOX', (mailbox) => mailbox.expunge(context, [1])))
    await Promise.all(deliveries.slice(0, 2))
  }
  t.same((await verify(user, true)).findings, [])
  await Promise.all(deliveries)
  t.equal((await user.status(context, 'INBOX')).messages, 6)
  await user.stop(10_000)
})

void t.test('everything that can be wrong: told without touching it, then mended', async (t) => {
  const world = newWorld(t)
  const { store } = world
  let user = await open(world)
  await user.append(context, 'INBOX', ['one', 'two', 'three'].map((subject) => draft(subject)))
  const { guid } = await user.status(context, 'INBOX')
  const prefix = `ab/cde/jane/mailboxes/${guid}/`
  const [first, second] = (await store.keys(prefix)).filter((key) => !key.includes('/idx/')).sort((a, b) => (a.slice(-27) < b.slice(-27) ? -1 : 1))
  await within(user, 'INBOX', (mailbox) => mailbox.expunge(context, [1]))
  await user.flush()
  await user.stop(10_000)
  await put(store, first!, messageOf('one'))
  await store.delete(second!, context)
  // A UID that another mail has.
  const lost = mailOid({ guid: guidOf(77), uid: 3, received: 1_400_000_000, size: messageOf('lost').length, crlf: true })
  user = await open(world)
  await put(store, prefix + lost, messageOf('lost'))
  await put(store, `${prefix}${guidOf(78)}`, messageOf('foreign'))
  await put(store, `${prefix}idx/base.00000001.00000009.${guidOf(79)}`)
  await put(store, `${prefix}idx/bundle.53f74dc2.0fbcf.${guidOf(80)}`)
  await put(store, `ab/cde/jane/mailboxes/${guidOf(81)}/${guidOf(82)}`, messageOf('nameless'))
  await put(store, `ab/cde/jane/mailboxes/${guidOf(83)}/idx/base.00000001.00000001.${guidOf(84)}`)
  const keys = await store.keys()
  const wrong = ['INBOX index', 'INBOX lost', 'INBOX lost', 'INBOX missing', 'INBOX orphan', 'mailbox', 'mailbox']
  const dry = await verify(user, false)
  t.same(told(dry), wrong)
  t.equal(dry.findings.find(({ kind }) => kind === 'orphan')?.bytes, messageOf('one').length)
  t.same(await store.keys(), keys, 'nothing is touched unasked')
  t.same(told(await verify(user, false, 'Arch*')), [], 'of other mailboxes nothing is told')
  t.same(told(await verify(user, true)), ['INBOX index deleted', 'INBOX lost adopted', 'INBOX lost adopted', 'INBOX missing expunged', 'INBOX orphan deleted', 'mailbox adopted', 'mailbox deleted'])
  await within(user, 'INBOX', async (mailbox) => {
    const texts = await Promise.all(uidsOf(mailbox).map(async (uid) => /Subject: (.*)\r/.exec(await textOf(mailbox, uid))![1]))
    t.same(texts.sort(), ['foreign', 'lost', 'three'])
  })
  const found = `recovered-lost-folder-${guidOf(81)}`
  t.equal(await within(user, found, (mailbox) => textOf(mailbox, uidsOf(mailbox)[0]!)), messageOf('nameless').toString())
  t.same((await store.keys()).filter((key) => key.includes(guidOf(83)) || key.includes(guidOf(79)) || key === first), [])
  t.ok((await store.keys()).includes(`${prefix}idx/bundle.53f74dc2.0fbcf.${guidOf(80)}`), "another server's index is not ours")
  t.same((await verify(user, false)).findings, [], 'all is well afterwards')
  await user.stop(10_000)
})

void t.test('a missing object that a listing alone does not show is there', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('one')])
  const list = world.store.list.bind(world.store)
  world.store.list = async (prefix, ...rest) => {
    const page = await list(prefix, ...rest)
    return prefix.includes('/mailboxes/') && prefix.length > 60 ? { ...page, objects: [] } : page
  }
  t.same((await verify(user, true)).findings, [])
  t.equal((await user.status(context, 'INBOX')).messages, 1)
  await user.stop(10_000)
})

void t.test('nothing of a deleted mailbox stays in a store of indexes of its own', async (t) => {
  const stores = new Map<string, ObjectStore>([['memory:mails', buildStack(`memory:${randomUUID()}`)], ['memory:indexes', buildStack(`memory:${randomUUID()}`)]])
  const world = newWorld(t)
  const effects = Object.assign(Object.create(world.effects) as typeof world.effects, { storage: (spec: string) => stores.get(spec.replace(/^zlib:::/, ''))! })
  const user = await open({ effects, directory: world.directory }, { obox_fs: 'memory:mails', obox_index_fs: 'memory:indexes' })
  const indexes = stores.get('memory:indexes')!
  await user.create(context, 'Old')
  await user.append(context, 'Old', [draft('one')])
  await user.flush()
  const { guid } = await user.status(context, 'Old')
  const prefix = `ab/cde/jane/mailboxes/${guid}/`
  const keys = async (): Promise<string[]> => (await indexes.list(prefix, context)).objects.map(({ key }) => key)
  t.equal((await keys()).length, 1)
  await put(indexes, `${prefix}idx/orphan.00000001.${guidOf(1)}`)
  await user.delete(context, 'Old')
  await user.stop(10_000)
  t.same(await keys(), [])
})

/** Every bundle is one that others can be upon. */
const large = { limits: { bundleDiffBytes: 50 } }

void t.test('who has lost the user without knowing it deletes nothing of its new owner', async (t) => {
  const world = newWorld(t)
  const loser = await open(world)
  await loser.append(context, 'INBOX', [draft('one')])
  await loser.flush()
  const winner = await open(newWorld(t, world.store), {}, large)
  await winner.create(context, 'New')
  await winner.append(context, 'INBOX', [draft('two')])
  const { guid } = await winner.status(context, 'New')
  await within(winner, 'INBOX', (mailbox) => mailbox.store(context, [1], { mode: 'add', flags: { system: Flag.Flagged, keywords: [] } }))
  await within(winner, 'New', async (mailbox) => { await mailbox.store(context, [1], { mode: 'add', flags: { system: Flag.Seen, keywords: [] } }) })
  await winner.flush()
  // The mailbox's first bundle is there, and its first mail comes right then.
  const name = `ab/cde/jane/mailboxes/${guid}/idx/base.00000002.00000001.${guidOf(9)}`
  await put(world.store, name)
  const there = (await world.store.keys()).filter((key) => key.includes('/idx/base.00000002'))
  t.equal(there.length, 2)
  await t.rejects(verify(loser, true), { name: 'TempFail', message: /another backend/ })
  const keys = await world.store.keys()
  for (const key of there) t.ok(keys.includes(key), key)
  await loser.stop(5000)
  t.match(await winner.status(context, 'INBOX'), { messages: 2 })
  await winner.stop(5000)
})

void t.test('who has lost the user deletes no index of a mailbox that both have', async (t) => {
  const world = newWorld(t)
  const loser = await open(world)
  await loser.append(context, 'INBOX', [draft('one')])
  await loser.flush()
  await verify(loser, false)
  const winner = await open(newWorld(t, world.store), {}, large)
  await within(winner, 'INBOX', (mailbox) => mailbox.store(context, [1], { mode: 'add', flags: { system: Flag.Flagged, keywords: [] } }))
  await winner.flush()
  const bundles = (await world.store.keys()).filter((key) => key.includes('.00000002.'))
  t.equal(bundles.length, 1)
  await t.rejects(verify(loser, true, 'INBOX'), { name: 'TempFail', message: /another backend/ })
  t.same((await world.store.keys()).filter((key) => key.includes('.00000002.')), bundles)
  await loser.stop(5000)
  await winner.stop(5000)
})

void t.test('two at once bring a lost mail in once', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('one')])
  const { guid } = await user.status(context, 'INBOX')
  const lost = mailOid({ guid: guidOf(77), uid: 1, received: 1_400_000_000, size: messageOf('lost').length, crlf: true })
  await put(world.store, `ab/cde/jane/mailboxes/${guid}/${lost}`, messageOf('lost'))
  const found = await Promise.all([verify(user, true), verify(user, true)])
  t.same(found.flatMap(told), ['INBOX lost adopted'])
  t.match(await user.status(context, 'INBOX'), { messages: 2 })
  await user.stop(5000)
})
