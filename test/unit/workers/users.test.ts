// Users of a session worker: whose local files are to go, while another backend has the user.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import type { Account } from '../../../actors/user/types.ts'
import { loadConfig } from '../../../conf/load.ts'
import { Users } from '../../../workers/users.ts'
import { configuration } from '../../fixtures/server.ts'
import { context, draft, newWorld, within } from '../user/fixture.ts'
import type { HookedStore } from '../user/hooked-store.ts'

interface Backend { users: () => Users; account: Account; store: HookedStore; home: string; files: () => string[] }

function backend(t: Test, store?: HookedStore): Backend {
  const world = newWorld(t, store)
  const file = path.join(world.directory, 'culver.conf')
  fs.writeFileSync(file, configuration(world.directory, 10143, 10024, {}))
  const config = loadConfig(file)
  const home = `${world.directory}/home/jane`
  return {
    users: () => new Users(world.effects, () => config), account: { user: 'jane', home, fields: {} }, store: world.store, home,
    files: () => (fs.existsSync(home) ? fs.readdirSync(home).filter((name) => name === 'root' || name === 'mailboxes') : []),
  }
}

void t.test('evicting what is left here of another backend\'s user does not take it from there', async (t) => {
  const a = backend(t)
  const former = a.users()
  const jane = await former.get(a.account)
  await jane.append(context, 'INBOX', [draft('one')])
  await jane.flush()
  await within(jane, 'INBOX', (inbox) => inbox.store(context, [1], { mode: 'add', flags: { system: Flag.Answered, keywords: [] } }))
  // As kill -9 leaves it.
  fs.cpSync(a.home, `${a.home}.crash`, { recursive: true })
  await jane.flush()
  await within(jane, 'INBOX', (inbox) => inbox.store(context, [1], { mode: 'remove', flags: { system: Flag.Answered, keywords: [] } }))
  await former.stop(5000)
  fs.rmSync(a.home, { recursive: true })
  fs.renameSync(`${a.home}.crash`, a.home)

  const b = backend(t, a.store)
  const there = b.users()
  const owner = await there.get(b.account)
  const told: string[] = []
  owner.attach({ id: 's', service: 'imap', closing: (reason) => { told.push(reason) } })
  t.same(a.files().sort(), ['mailboxes', 'root'])
  const later = a.users()
  t.equal(await later.evict(a.account), true)
  t.same(a.files(), [])
  await owner.append(context, 'INBOX', [draft('two')])
  t.same(told, [])
  // Its next manifest finds what was left.
  await owner.create(context, 'Work')
  await owner.flush()
  await within(owner, 'INBOX', async (inbox) => {
    while ((inbox.messages.flags[0]! & Flag.Answered) === 0) await new Promise((resolve) => { setImmediate(resolve) })
    t.equal(inbox.messages.count, 2)
  })
  t.equal(await later.evict(a.account), true, 'nothing is left to go')
  await there.stop(5000)
  await later.stop(5000)
})

void t.test('who asks for a user that is just being left to another backend gets it', async (t) => {
  const a = backend(t)
  const former = a.users()
  await (await former.get(a.account)).append(context, 'INBOX', [draft('one')])
  await former.stop(5000)
  const b = backend(t, a.store)
  const there = b.users()
  await there.get(b.account)
  const later = a.users()
  let asked: Promise<unknown> | undefined
  a.store.before = (operation, key) => {
    if (operation === 'stat' && key.endsWith('/manifest')) asked ??= later.get(a.account).then((jane) => jane.status(context, 'INBOX'))
  }
  t.equal(await later.evict(a.account), true)
  t.match(await asked, { messages: 1 })
  await later.stop(5000)
  await there.stop(5000)
})

/** A user that B has, with a session there, and files left at A. */
async function moved(t: Test): Promise<{ a: Backend; b: Backend; there: Users; told: string[] }> {
  const a = backend(t)
  const former = a.users()
  await (await former.get(a.account)).append(context, 'INBOX', [draft('one')])
  await former.stop(5000)
  const b = backend(t, a.store)
  const there = b.users()
  const told: string[] = [];
  (await there.get(b.account)).attach({ id: 's', service: 'imap', closing: (reason) => { told.push(reason) } })
  return { a, b, there, told }
}

void t.test('flushing opens nobody who has nothing here, and leaves another backend what it has', async (t) => {
  const { a, there, told } = await moved(t)
  const here = a.users()
  const account = { ...a.account, user: 'nobody', home: `${a.home}-nobody` }
  a.store.calls = []
  t.equal(await here.send({ kind: 'flush', account }), 'nothing')
  t.same(a.store.calls, [])
  t.equal(await here.send({ kind: 'flush', account: a.account }), 'left')
  t.same(a.files(), [])
  t.equal(await here.send({ kind: 'flush', account: a.account }), 'nothing')
  const back = a.users()
  await (await there.get(a.account)).append(context, 'INBOX', [draft('two')])
  t.same(told, [])
  await there.stop(5000)
  // Nobody has it now.
  await (await back.get(a.account)).append(context, 'INBOX', [draft('three')])
  t.equal(await back.send({ kind: 'flush', account: a.account }), undefined)
  await back.stop(5000)
  await here.stop(5000)
})

void t.test('users of whom nobody has named one are verified where they are, and not made where they are not', async (t) => {
  const { a, there, told } = await moved(t)
  const here = a.users()
  const verify = (account: Account, take: boolean): Promise<unknown> => here.send({ kind: 'verify', account, fix: true, take })
  t.equal(await verify(a.account, false), 'elsewhere')
  t.same(told, [])
  const nobody = { ...a.account, user: 'nobody', home: `${a.home}-nobody` }
  a.store.calls = []
  t.match(await verify(nobody, false), { findings: [], mailboxes: 0 })
  t.same(a.store.operations().filter((operation) => operation === 'write'), [])
  t.match(await verify(a.account, true), { findings: [], mails: 1 }, 'one that is named is taken')
  await t.rejects((await there.get(a.account)).create(context, 'Work'), { message: /another backend/ })
  t.match(told[0], /another backend/)
  await there.stop(5000)
  t.match(await verify(a.account, false), { findings: [] })
  await here.stop(5000)

  const former = backend(t)
  const left = former.users()
  await (await left.get(former.account)).append(context, 'INBOX', [draft('one')])
  await left.send({ kind: 'flush', account: former.account })
  await left.stop(5000)
  const later = backend(t, former.store)
  const users = later.users()
  t.match(await users.send({ kind: 'verify', account: later.account, fix: false, take: false }), { findings: [], mails: 1 }, 'handed over at a clean end')
  await users.stop(5000)
})

void t.test('mails of another server, and a mailbox list that somebody has deleted, are looked at', async (t) => {
  const a = backend(t)
  const bytes = Buffer.from('Subject: x\r\n\r\nx\r\n')
  await a.store.write(`jane/mailboxes/${'c'.repeat(32)}/d88ff1001d4bf753a1b800001accfe22`, { size: bytes.length, parts: [bytes] }, context, { metadata: { size: String(bytes.length) } })
  const users = a.users()
  t.match(await users.send({ kind: 'verify', account: a.account, fix: false, take: false }), { mailboxes: 4, mails: 1 })
  await users.stop(5000)
})

void t.test('a user whose place for mail cannot be one is away, and no bug of ours', async (t) => {
  const a = backend(t)
  const users = a.users()
  for (const mail of ['obox::INDEX=~/', 'obox:x:INDX=~/']) {
    await t.rejects(users.get({ ...a.account, fields: { mail } }), { name: 'TempFail', message: 'it is not known where the mail of this user is' }, mail)
  }
  await users.stop(5000)
})
