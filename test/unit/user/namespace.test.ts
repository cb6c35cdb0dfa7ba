// Names: INBOX in any case, prefixes and separators, what may be created, and what CREATE, DELETE and RENAME refuse.

import t from 'tap'
import type { NamespaceSettings } from '../../../conf/settings.ts'
import { limits } from '../../../runtime/limits.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { Namespaces } from '../../../actors/user/namespace.ts'
import { context, draft, messageOf, newWorld, open, textOf, uidsOf, within } from './fixture.ts'

const namespace = (more: Partial<NamespaceSettings>): NamespaceSettings => ({
  name: 'inbox', mailbox: [], type: 'private', separator: '/', prefix: '', location: '', inbox: true, hidden: false, list: 'yes',
  subscriptions: true, ignore_on_failure: false, disabled: false, order: 0, alias_for: '', ...more,
})
const box = (name: string, auto: 'no' | 'create' | 'subscribe', ...use: string[]) =>
  ({ name, auto, special_use: use, autoexpunge: 0, autoexpunge_max_mails: 0, driver: '', comment: '' })

t.test('INBOX is one place, however it is written', async (t) => {
  const plain = new Namespaces([], limits)
  for (const name of ['INBOX', 'inbox', 'iNbOx']) t.same(plain.find(name), { namespace: 'inbox', path: ['INBOX'] })
  t.same(plain.find('inbox/Sub')?.path, ['INBOX', 'Sub'])
  t.same(plain.find('Work/inbox')?.path, ['Work', 'inbox'])
  const dotted = new Namespaces([namespace({ prefix: 'INBOX.', separator: '.' }), namespace({ name: 'old', prefix: 'Old/', inbox: false })], limits)
  t.same(dotted.find('inbox'), { namespace: 'inbox', path: ['INBOX'] })
  t.same(dotted.find('Inbox.Sent'), { namespace: 'inbox', path: ['Sent'] })
  t.same(dotted.find('Old/x.y'), { namespace: 'old', path: ['x.y'] })
  t.same(dotted.find('Old'), { namespace: 'old', path: [] })
  t.equal(dotted.find('Elsewhere'), undefined)
  t.equal(dotted.visible({ namespace: 'inbox', path: ['Sent', 'a'] }), 'INBOX.Sent.a')
  t.equal(dotted.visible({ namespace: 'inbox', path: ['INBOX'] }), 'INBOX')
})

t.test('names that cannot be created', async (t) => {
  const names = new Namespaces([namespace({ prefix: 'INBOX/' })], limits)
  for (const bad of ['INBOX/', 'INBOX//x', 'INBOX/a//b', 'INBOX/a\nb', 'INBOX/a\u0085', 'INBOX/50%', 'INBOX/*', 'INBOX/\ud800', 'Elsewhere', `INBOX/${'x'.repeat(256)}`, `INBOX/${'x/'.repeat(20)}x`, `INBOX/${`${'y'.repeat(200)}/`.repeat(6)}`]) {
    t.throws(() => names.forCreation(bad), { code: 'CANNOT' }, JSON.stringify(bad).slice(0, 40))
  }
  t.same(names.forCreation('INBOX/Entwürfe/'), { namespace: 'inbox', path: ['Entwürfe'] })
})

t.test('settings that contradict each other are refused', async (t) => {
  t.throws(() => new Namespaces([namespace({ prefix: 'INBOX' })], limits), { name: 'ConfigError' })
  t.throws(() => new Namespaces([namespace({}), namespace({ name: 'b', prefix: 'b/' })], limits), { name: 'ConfigError' })
  t.throws(() => new Namespaces([namespace({}), namespace({ name: 'b', inbox: false })], limits), { name: 'ConfigError' })
})

t.test('a new user gets what the configuration promises, in one upload', async (t) => {
  const world = newWorld(t)
  const namespaces = [namespace({ mailbox: [box('Sent', 'subscribe', '\\Sent'), box('Trash', 'create', '\\Trash'), box('Archive', 'no', '\\Archive')] })]
  const user = await open(world, { namespace: namespaces })
  t.same(world.store.operations(), ['read', 'list', 'list', 'write'])
  t.same(user.list().map(({ name, specialUse, subscribed }) => [name, specialUse, subscribed]), [['INBOX', [], false], ['Sent', ['\\Sent'], true], ['Trash', ['\\Trash'], false]])
  await t.rejects(user.delete(context, 'Trash'), { code: 'CANNOT' })
  await t.rejects(user.delete(context, 'inbox'), { code: 'CANNOT' })
  await user.unsubscribe(context, 'Sent')
  t.same(user.subscriptions(), ['Sent'])
  await user.create(context, 'Archive')
  t.same(user.find('Archive')?.specialUse, ['\\Archive'])
  await user.stop(5000)
  const later = await open(world, { namespace: [namespace({ mailbox: [box('New', 'create')] })] })
  t.ok(later.find('New')?.guid, 'a promise made later is kept too')
  await later.stop(5000)
})

t.test('other separators and prefixes show the same mailboxes under other names', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Work/2024')
  await user.stop(5000)
  const again = await open(world, { namespace: [namespace({ prefix: 'INBOX.', separator: '.' })] })
  t.same(again.list().map(({ name, hasChildren }) => [name, hasChildren]), [['INBOX', true], ['INBOX.Work', true], ['INBOX.Work.2024', false]])
  t.same(again.namespaces(), [{ type: 'private', prefix: 'INBOX.', separator: '.', list: true, hidden: false, inbox: true }])
  await again.stop(5000)
})

t.test('CREATE, DELETE, RENAME', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  const names = () => user.list().map(({ name, noSelect }) => name + (noSelect ? '!' : ''))
  await user.create(context, 'a/b/c')
  t.same(names(), ['INBOX', 'a!', 'a/b!', 'a/b/c'])
  await t.rejects(user.create(context, 'a/b/c'), { code: 'ALREADYEXISTS' })
  await t.rejects(user.create(context, 'Inbox'), { code: 'ALREADYEXISTS' })
  await t.rejects(user.open(context, 'a/b'), { code: 'NONEXISTENT' })
  await t.rejects(user.delete(context, 'a/b'), { code: 'HASCHILDREN' })
  await user.create(context, 'a/b', { specialUse: ['\\Junk'] })
  await user.create(context, 'names/')
  await user.create(context, 'A')
  t.same(names(), ['INBOX', 'A', 'a!', 'a/b', 'a/b/c', 'names!'])
  await user.append(context, 'a/b', [draft('x')])
  await t.rejects(user.rename(context, 'a', 'a/b/d'), { code: 'CANNOT' })
  await t.rejects(user.rename(context, 'a/b', 'A'), { code: 'ALREADYEXISTS' })
  await t.rejects(user.rename(context, 'nothing', 'x'), { code: 'NONEXISTENT' })
  const { guid } = user.find('a/b')!
  const writes = world.store.operations()
  t.ok(writes.length > 0)
  const handle = await user.open(context, 'a/b')
  await user.rename(context, 'a', 'z/y')
  t.same(world.store.operations(), ['write'], 'a rename touches no mail')
  t.equal(handle.mailbox.name, 'z/y/b')
  t.same(names(), ['INBOX', 'A', 'names!', 'z!', 'z/y!', 'z/y/b', 'z/y/b/c'])
  t.match(user.find('z/y/b'), { guid, specialUse: ['\\Junk'] })
  await user.subscribe(context, 'z/y/b')
  await user.delete(context, 'z/y/b')
  t.match(handle.mailbox.updates.at(handle.mailbox.updates.end - 1), { kind: 'gone' })
  await t.rejects(handle.mailbox.expunge(context, [1]), { code: 'NONEXISTENT' })
  handle.close()
  t.same(names(), ['INBOX', 'A', 'names!', 'z!', 'z/y!', 'z/y/b!', 'z/y/b/c'])
  t.same(user.subscriptions(), ['z/y/b'], 'RFC 3501 §6.3.6: a deleted mailbox stays subscribed')
  await user.delete(context, 'names')
  await user.stop(5000)
  t.same((await world.store.keys('ab/cde/jane/mailboxes/')).filter((key) => key.includes(guid!)), [], 'its objects are deleted')
  const again = await open(newWorld(t, world.store))
  t.same(again.list().map(({ name }) => name), ['INBOX', 'A', 'z', 'z/y', 'z/y/b', 'z/y/b/c'])
  await again.stop(5000)
})

t.test('UIDVALIDITY grows when a mailbox is created again', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  const validities: number[] = []
  for (let n = 0; n < 3; n++) {
    await user.create(context, 'x')
    validities.push((await user.status(context, 'x')).uidValidity)
    await user.delete(context, 'x')
  }
  t.ok(validities[0]! < validities[1]! && validities[1]! < validities[2]!)
  await user.stop(5000)
})

t.test('renaming INBOX moves its mails', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  await user.rename(context, 'INBOX', 'Old')
  t.match(await user.status(context, 'INBOX'), { messages: 0 })
  await within(user, 'Old', async (mailbox) => {
    t.same(uidsOf(mailbox), [1, 2])
    t.equal(await textOf(mailbox, 2), messageOf('b').toString())
  })
  await user.stop(5000)
})

t.test('a change of the list that cannot be uploaded does not happen', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'There')
  world.store.before = (operation) => { if (operation === 'write') throw new TempFail('away') }
  await t.rejects(user.create(context, 'New'), { name: 'TempFail' })
  await t.rejects(user.delete(context, 'There'), { name: 'TempFail' })
  await t.rejects(user.rename(context, 'There', 'Else'), { name: 'TempFail' })
  t.same(user.list().map(({ name }) => name), ['INBOX', 'There'])
  await user.subscribe(context, 'There')
  world.store.before = () => {}
  await user.create(context, 'New')
  await user.stop(5000)
  const again = await open(newWorld(t, world.store))
  t.same(again.list().map(({ name }) => name), ['INBOX', 'New', 'There'])
  t.same(again.subscriptions(), ['There'])
  await again.stop(5000)
})
