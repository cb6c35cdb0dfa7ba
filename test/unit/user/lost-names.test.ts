// Mailboxes whose mails are in the store and whose names are not: with metacache_bg_root_uploads a list that nobody has uploaded
// yet can be lost with the disk, or with a piece of its journal. Their mails come back, whatever they are called then.

import fs from 'node:fs'
import t from 'tap'
import type { Verification } from '../../../actors/user/types.ts'
import type { UserActor } from '../../../actors/user/user.ts'
import { context, draft, messageOf, newWorld, open, textOf, uidsOf, within } from './fixture.ts'

const inBackground = { metacache_bg_root_uploads: true }
const namesOf = (user: UserActor): string[] => user.list().map(({ name }) => name)
const manifestWrites = (world: ReturnType<typeof newWorld>): number => world.store.calls.splice(0).filter((call) => call.startsWith('write') && call.endsWith('/idx/manifest')).length

/** A user with a mail in INBOX and one in a mailbox that the manifest does not know yet. It is never stopped. */
async function withUnknownMailbox(world: ReturnType<typeof newWorld>): Promise<string> {
  const user = await open(world, inBackground)
  await user.append(context, 'INBOX', [draft('a')])
  world.store.calls.splice(0)
  await user.create(context, 'Work')
  await user.append(context, 'Work', [draft('b')])
  if (manifestWrites(world) !== 0) throw new Error('the manifest knows it already')
  return user.find('Work')!.guid!
}

t.test('metacache_bg_root_uploads: a new mailbox is in the manifest later, within metacache_upload_interval', async (t) => {
  const world = newWorld(t)
  const user = await open(world, { ...inBackground, metacache_upload_interval: 5 })
  world.store.calls.splice(0)
  await user.create(context, 'Work')
  t.equal(manifestWrites(world), 0)
  for (let written = 0; written === 0; written = manifestWrites(world)) await new Promise((resolve) => { setTimeout(resolve, 5) })
  await user.stop(5000)
  const foreground = await open(world)
  world.store.calls.splice(0)
  await foreground.create(context, 'Play')
  t.equal(manifestWrites(world), 1, 'without it, before it is true')
  await foreground.stop(5000)
})

t.test('lost with the disk: found by who takes the user', async (t) => {
  const world = newWorld(t)
  const guid = await withUnknownMailbox(world)
  const user = await open(newWorld(t, world.store), inBackground)
  t.same(namesOf(user), ['INBOX', `recovered-lost-folder-${guid}`])
  t.equal(await within(user, `recovered-lost-folder-${guid}`, (mailbox) => textOf(mailbox, 1)), messageOf('b').toString())
  await user.stop(5000)
})

t.test('lost with a piece of the journal: found when the user is opened next', async (t) => {
  const world = newWorld(t)
  const guid = await withUnknownMailbox(world)
  const journal = `${world.directory}/jane/root/journal`
  const bytes = fs.readFileSync(journal)
  bytes[bytes.indexOf('Work')]! ^= 1
  fs.writeFileSync(journal, bytes)
  const user = await open(world, inBackground)
  t.same(namesOf(user), ['INBOX', `recovered-lost-folder-${guid}`])
  t.equal(await within(user, `recovered-lost-folder-${guid}`, (mailbox) => textOf(mailbox, 1)), messageOf('b').toString())
  await user.stop(5000)
})

t.test('one that nobody has looked for is told by obox verify, and brought in by force-resync', async (t) => {
  const world = newWorld(t)
  const guid = await withUnknownMailbox(world)
  // Where lists are uploaded before they are true there is nothing to look for.
  const user = await open(newWorld(t, world.store))
  t.same(namesOf(user), ['INBOX'])
  const verify = (fix: boolean): Promise<Verification> => user.receive({ kind: 'verify', account: user.account, fix }) as Promise<Verification>
  t.match(await verify(false), { findings: [{ kind: 'mailbox', object: guid, bytes: messageOf('b').length, done: '' }], mails: 1 })
  t.same(namesOf(user), ['INBOX'])
  t.match(await verify(true), { findings: [{ kind: 'mailbox', object: guid, done: 'adopted' }], mails: 2 })
  await within(user, `recovered-lost-folder-${guid}`, async (mailbox) => {
    t.same(uidsOf(mailbox), [1])
    t.equal(await textOf(mailbox, 1), messageOf('b').toString())
  })
  await user.stop(5000)
  const again = await open(newWorld(t, world.store), { obox_fetch_lost_mailbox_prefix: 'Lost+found/' })
  t.same(namesOf(again), ['INBOX', `recovered-lost-folder-${guid}`], 'it is in the manifest')
  await again.stop(5000)
})

t.test('obox_fetch_lost_mailbox_prefix', async (t) => {
  const world = newWorld(t)
  const guid = await withUnknownMailbox(world)
  const user = await open(newWorld(t, world.store), { ...inBackground, obox_fetch_lost_mailbox_prefix: 'Found-' })
  t.same(namesOf(user), ['INBOX', `Found-${guid}`])
  await user.stop(5000)
})
