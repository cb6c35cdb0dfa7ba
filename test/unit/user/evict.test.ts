// A user leaves this machine: everything is in the store, then its local files go. What cannot be uploaded stays.

import fs from 'node:fs'
import t from 'tap'
import { noSpace, totalOf } from '../../../actors/user/local-space.ts'
import { userOfRoot } from '../../../actors/user/root-codec.ts'
import { Flag } from '../../../actors/user/types.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { leaveIfLost } from '../../../actors/user/open-user.ts'
import { context, draft, newWorld, open, seen, settingsOf, within } from './fixture.ts'

const answered = { mode: 'add' as const, flags: { system: Flag.Answered, keywords: [] } }
const filesOf = (directory: string): string[] => (fs.existsSync(`${directory}/jane`) ? fs.readdirSync(`${directory}/jane`) : [])

t.test('an evicted user has no local files, and is found whole without a listing', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Work')
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  await user.append(context, 'Work', [draft('c')])
  const before = await within(user, 'INBOX', async (inbox) => {
    await inbox.store(context, [2], answered)
    return seen(inbox)
  })
  t.ok(user.unsaved)
  t.equal(user.beginEviction(), true)
  await user.stop(5000)
  t.equal(user.evicted, true)
  t.same(filesOf(world.directory), [])
  world.store.operations()
  const again = await open(world)
  t.same(await within(again, 'INBOX', async (inbox) => seen(inbox)), before)
  t.match(await again.status(context, 'Work'), { messages: 1 })
  t.same(world.store.operations().filter((operation) => operation === 'list'), [])
  await again.stop(5000)
})

t.test('one that was closed idle, or left by a crash, is uploaded first', async (t) => {
  const world = newWorld(t)
  const crashed = await open(world)
  await crashed.append(context, 'INBOX', [draft('a', { flags: { system: Flag.Seen, keywords: ['K'] } })])
  const before = await within(crashed, 'INBOX', async (inbox) => seen(inbox))
  // As kill -9 leaves it: never closed.
  fs.cpSync(`${world.directory}/jane`, `${world.directory}/crash/jane`, { recursive: true })
  const left = { ...world, directory: `${world.directory}/crash` }
  const user = await open(left)
  t.equal(user.beginEviction(), true)
  await user.stop(5000)
  t.equal(user.evicted, true)
  const again = await open(left)
  t.same(await within(again, 'INBOX', async (inbox) => seen(inbox)), before)
  await again.stop(5000)
  await crashed.stop(5000)
})

t.test('who is used stays, and so does what cannot be uploaded', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  const detach = user.attach({ id: 's', service: 'imap', closing() {} })
  t.equal(user.beginEviction(), false)
  detach()
  await user.append(context, 'INBOX', [draft('a', { flags: { system: Flag.Flagged, keywords: [] } })])
  const appending = user.append(context, 'INBOX', [draft('b')])
  t.equal(user.beginEviction(), false, 'something runs')
  await appending
  t.equal(user.beginEviction(), true)
  world.store.before = (operation) => { if (operation === 'write') throw new TempFail('away') }
  await user.stop(5000)
  t.equal(user.evicted, false)
  t.not(filesOf(world.directory).length, 0)
  world.store.before = () => {}
  const again = await open(world)
  t.match(await again.status(context, 'INBOX'), { messages: 2 })
  await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.flags[0], Flag.Flagged) })
  await again.stop(5000)
})

t.test('files whose root is damaged go without taking the user from its owner, and what only they have goes to it', async (t) => {
  const a = newWorld(t)
  const former = await open(a)
  await former.append(context, 'INBOX', [draft('a'), draft('b')])
  await former.flush()
  await within(former, 'INBOX', (inbox) => inbox.store(context, [2], answered))
  // As kill -9 leaves it: nobody else knows of the flag.
  const home = `${a.directory}/crash/jane`
  fs.cpSync(`${a.directory}/jane`, home, { recursive: true })
  a.store.before = () => { throw new TempFail('away') }
  await former.stop(5000)
  a.store.before = () => {}
  const b = newWorld(t, a.store)
  const owner = await open(b)
  await within(owner, 'INBOX', async (inbox) => { t.same(seen(inbox).map((row) => (row as { flags: number }).flags), [0, 0]) })
  fs.writeFileSync(`${home}/root/journal`, 'no journal')
  const account = { user: 'jane', home, fields: {} }
  t.equal(await leaveIfLost(a.effects, settingsOf(), account), true)
  t.same(fs.readdirSync(home), [])
  t.ok(a.log.some(({ name }) => name === 'user.state_damaged'))
  await owner.create(context, 'Work')
  t.notOk(b.log.some(({ name }) => name === 'user.lost'), 'it is still its')
  await within(owner, 'INBOX', async (inbox) => {
    while (inbox.messages.flags[1] !== Flag.Answered) await new Promise((resolve) => { setTimeout(resolve, 5) })
  })
  await owner.stop(5000)
  // Without a manifest nobody else can have it.
  const alone = newWorld(t)
  fs.mkdirSync(`${alone.directory}/jane/root`, { recursive: true })
  fs.writeFileSync(`${alone.directory}/jane/root/journal`, 'no journal')
  t.equal(await leaveIfLost(alone.effects, settingsOf(), { ...account, home: `${alone.directory}/jane` }), false)
})

t.test('tells what its files take, loaded or not, and at its end', async (t) => {
  const world = newWorld(t)
  const told: [number, boolean][] = []
  const user = await open(world, {}, { closed: (space, unsaved) => { told.push([totalOf(space), unsaved]) } })
  const empty = await user.space()
  t.ok(empty.root > 0 && empty.inbox > 0)
  t.equal(empty.other, 0)
  await user.create(context, 'Work')
  await user.append(context, 'Work', Array.from({ length: 100 }, (_, n) => draft(String(n))))
  const { other } = await user.space()
  t.ok(other > 8192, `${other} bytes`)
  await user.stop(5000)
  t.equal(told.length, 1)
  const [[total]] = told as [[number, boolean]]
  t.equal(total, fs.readdirSync(`${world.directory}/jane`, { recursive: true }).map((name) => fs.statSync(`${world.directory}/jane/${String(name)}`))
    .reduce((sum, stat) => sum + (stat.isFile() ? Math.ceil(stat.size / 4096) * 4096 : 0), 0), 'as the disk says')
  t.equal(userOfRoot(fs.readFileSync(`${world.directory}/jane/root/snapshot`)), 'jane')
  const again = await open(world, {}, { closed: (space) => { t.same(space, noSpace) } })
  t.equal((await again.space()).other, other, 'without loading it')
  again.beginEviction()
  await again.stop(5000)
})
