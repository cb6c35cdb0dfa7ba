// The message cache, and where mail is: losing the cache costs a read of the object, nothing else.

import fs from 'node:fs'
import t from 'tap'
import { parseMailLocation } from '../../../actors/user/mail-location.ts'
import { Flag } from '../../../actors/user/types.ts'
import { context, draft, messageOf, newWorld, open, seen, within } from './fixture.ts'

const cacheOf = (directory: string): string => {
  const mailboxes = `${directory}/jane/mailboxes`
  const guid = fs.readdirSync(mailboxes)[0]!
  return `${mailboxes}/${guid}/${fs.readdirSync(`${mailboxes}/${guid}`).find((name) => name.startsWith('cache.'))}`
}

t.test('a summary is read from the cache; a damaged one from the object, once', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { decodedSummaries: 1 } })
  await user.append(context, 'INBOX', [draft('a'), draft('b'), draft('c')])
  await user.stop(5000)
  const cache = cacheOf(world.directory)
  const bytes = fs.readFileSync(cache)
  bytes[20]! ^= 1
  fs.writeFileSync(cache, bytes)
  const again = await open(world, {}, { limits: { decodedSummaries: 1 } })
  world.store.operations()
  await within(again, 'INBOX', async (inbox) => {
    for (const uid of [2, 3]) t.equal((await inbox.summary(context, uid)).size, messageOf('a').length)
    t.same(world.store.operations(), [])
    const [one, two] = await Promise.all([inbox.summary(context, 1), inbox.summary(context, 1)])
    t.equal(one.size, messageOf('a').length)
    t.same(one, two)
    t.same(world.store.operations(), ['read'], 'two who ask at once share one read')
    // Written behind the record that says where it is now.
    await inbox.store(context, [3], { mode: 'add', flags: { system: Flag.Seen, keywords: [] } })
    await inbox.summary(context, 2)
    await inbox.summary(context, 1)
    t.same(world.store.operations(), [], 'it is in the cache now')
  })
  await again.stop(5000)
  world.store.operations()
  const third = await open(world)
  await within(third, 'INBOX', (inbox) => inbox.summary(context, 1))
  t.same(world.store.operations(), ['stat'], 'and stays there: only the manifest is asked for')
  await third.stop(5000)
})

t.test('a cache of mostly expunged mails is written anew when the mailbox is closed', async (t) => {
  const world = newWorld(t)
  const options = { limits: { cacheCompactBytes: 1000 } }
  const user = await open(world, {}, options)
  await user.append(context, 'INBOX', Array.from({ length: 40 }, (_, n) => draft(`m${n}`)))
  const rest = await within(user, 'INBOX', async (inbox) => {
    await inbox.expunge(context, Array.from({ length: 30 }, (_, n) => n + 1))
    return seen(inbox)
  })
  const before = fs.statSync(cacheOf(world.directory)).size
  await user.stop(5000)
  t.ok(fs.statSync(cacheOf(world.directory)).size < before / 2)
  const again = await open(world, {}, options)
  world.store.operations()
  await within(again, 'INBOX', async (inbox) => {
    t.same(seen(inbox), rest)
    for (let uid = 31; uid <= 40; uid++) t.match(Buffer.from((await inbox.summary(context, uid)).header).toString(), new RegExp(`Subject: m${uid - 1}\\r`))
  })
  t.same(world.store.operations(), [])
  await again.stop(5000)
})

t.test('mail_location', async (t) => {
  const account = { user: 'jane', home: '/var/vmail/jane', fields: {} }
  t.same(parseMailLocation('obox:b5/899/jane:INDEX=~/:CONTROL=~/', account), { path: 'b5/899/jane', index: '/var/vmail/jane' })
  t.same(parseMailLocation('obox:/b5/jane/:INDEX=/fast/jane/', account), { path: 'b5/jane', index: '/fast/jane' })
  t.same(parseMailLocation('obox:jane', account), { path: 'jane', index: '/var/vmail/jane' })
  t.same(parseMailLocation('obox:jane:INDEX=~/idx', account), { path: 'jane', index: '/var/vmail/jane/idx' })
  for (const bad of ['', 'maildir:~/Maildir', 'obox:', 'obox:/', 'obox:a//b', 'obox:a/../b', 'obox:jane:INDEX=relative', 'obox:jane:LAYOUT=fs']) {
    t.throws(() => parseMailLocation(bad, account), { name: 'ConfigError' }, bad)
  }
  t.throws(() => parseMailLocation('obox:jane', { ...account, home: '' }), { name: 'ConfigError' })
})
