// What a former owner does after it has lost a user, without knowing: its lease ends, and until then nothing it acknowledges
// is lost, nor does what it had on the wire leave rows behind that nobody can read.

import fs from 'node:fs'
import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { context, draft, newWorld, open, textOf, uidsOf, within } from './fixture.ts'

// The timers of the engine keep no process.
const awake = setInterval(() => {}, 1000)
t.teardown(() => { clearInterval(awake) })

const soon = { limits: { secondLookMs: 200, mailboxIdleMs: 10, userIdleMs: 10 } }

/** Waits for something that the log tells of. */
async function logged(world: { log: { name: string }[] }, name: string): Promise<void> {
  for (let waits = 0; waits < 1000; waits++) {
    if (world.log.some((event) => event.name === name)) return
    await new Promise((resolve) => { setTimeout(resolve, 5) })
  }
  throw new Error(`no ${name}: ${JSON.stringify(world.log)}`)
}

t.test('what a loser has acknowledged after it lost the user, and then lost with its disk, is found by a second listing', async (t) => {
  const a = newWorld(t)
  const loser = await open(a)
  await loser.append(context, 'INBOX', [draft('one')])
  const b = newWorld(t, a.store)
  const winner = await open(b, {}, soon)
  t.match(await winner.status(context, 'INBOX'), { messages: 1 })
  const mine = await winner.append(context, 'INBOX', [draft('mine')])
  const late = await loser.append(context, 'INBOX', [draft('late')])
  t.ok(late.uids[0]! < mine.uids[0]!, 'acknowledged: its lease runs')
  await logged(b, 'obox.second_look')
  await within(winner, 'INBOX', async (inbox) => {
    t.equal(inbox.messages.count, 3)
    t.ok(uidsOf(inbox)[2]! > mine.uids[0]!, 'under a UID that nobody has')
    t.match(await textOf(inbox, uidsOf(inbox)[2]!), /Subject: late/)
  })
  await winner.stop(5000)

  // Looked through, it is handed over whole.
  const third = await open(newWorld(t, a.store))
  a.store.calls = []
  await within(third, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 3) })
  t.notOk(a.store.calls.some((call) => call.startsWith('list')), a.store.calls.join())
  await third.stop(5000)
})

t.test('a second look that was not taken in one life is taken in the next, and what a bundle says of it survives the disk', async (t) => {
  const a = newWorld(t)
  const loser = await open(a)
  await loser.append(context, 'INBOX', [draft('one')])
  const b = newWorld(t, a.store)
  const winner = await open(b)
  await winner.append(context, 'INBOX', [draft('mine')])
  await loser.append(context, 'INBOX', [draft('late')])
  await winner.stop(5000)
  const again = await open(b, {}, soon)
  await logged(b, 'obox.second_look')
  t.match(await again.status(context, 'INBOX'), { messages: 3 })
  await again.stop(5000)

  const c = newWorld(t)
  const other = await open(c)
  await other.append(context, 'INBOX', [draft('one')])
  const d = newWorld(t, c.store)
  const taker = await open(d)
  await taker.append(context, 'INBOX', [draft('mine')])
  await taker.flush()
  await other.append(context, 'INBOX', [draft('late')])
  const next = await open(newWorld(t, c.store))
  await within(next, 'INBOX', async (inbox) => {
    t.equal(inbox.messages.count, 3, 'the bundle told whose mails may still come')
    t.match(await textOf(inbox, uidsOf(inbox)[2]!), /Subject: late/)
  })
  await next.stop(5000)
})

t.test('a mail that comes late never has a UID of which its clients were told that nobody has it', async (t) => {
  for (const how of ['disk lost', 'journal cut'] as const) {
    const a = newWorld(t)
    const former = await open(a)
    await former.append(context, 'INBOX', [draft('one')])
    const b = newWorld(t, a.store)
    const taker = await open(b)
    const next = await within(taker, 'INBOX', async (inbox) => {
      await inbox.store(context, [1], { mode: 'add', flags: { system: Flag.Flagged, keywords: [] } })
      return inbox.uidNext
    })
    if (how === 'disk lost') await taker.flush()
    await former.append(context, 'INBOX', [draft('late')])
    const world = how === 'disk lost' ? newWorld(t, a.store) : b
    if (how === 'journal cut') {
      await taker.stop(5000)
      const [guid = ''] = fs.readdirSync(`${b.directory}/jane/mailboxes`)
      const journal = `${b.directory}/jane/mailboxes/${guid}/journal`
      fs.truncateSync(journal, fs.statSync(journal).size - 1)
    }
    const third = await open(world)
    await within(third, 'INBOX', async (inbox) => {
      t.equal(inbox.messages.count, 2, how)
      t.ok(uidsOf(inbox)[1]! >= next, `${how}: UID ${uidsOf(inbox)[1]}, and UIDNEXT was ${next}`)
      t.match(await textOf(inbox, uidsOf(inbox)[1]!), /Subject: late/)
    })
    await third.stop(5000)
    for (const user of [former, taker]) await user.stop(5000)
  }
})

t.test('a mail whose deletion was on the wire is expunged when somebody finds it missing, or by the second listing', async (t) => {
  const a = newWorld(t)
  const former = await open(a)
  await former.append(context, 'INBOX', ['one', 'two', 'three'].map((subject) => draft(subject)))
  const b = newWorld(t, a.store)
  const winner = await open(b, {}, { limits: { secondLookMs: 1000 } })
  await within(winner, 'INBOX', async (inbox) => {
    const keys = (await a.store.keys()).filter((key) => !key.includes('/idx/'))
    t.equal(keys.length, 3)
    const expunged: number[] = []
    inbox.updates.subscribe(() => {
      const update = inbox.updates.at(inbox.updates.end - 1)
      if (update.kind === 'expunge') expunged.push(...update.uids)
    })
    for (const key of keys) if (!key.includes('00000003')) await a.store.delete(key, context)
    await t.rejects(textOf(inbox, 1), { name: 'MailError', code: 'EXPUNGEISSUED' })
    t.same(expunged, [1])
    await logged(b, 'obox.second_look')
    t.same(expunged, [1, 2])
    t.match(await textOf(inbox, 3), /three/)
  })
  await winner.stop(5000)
  await former.stop(5000)
})

t.test('a listing that does not show a mail proves nothing', async (t) => {
  const a = newWorld(t)
  const former = await open(a)
  await former.append(context, 'INBOX', [draft('one')])
  const b = newWorld(t, a.store)
  const winner = await open(b, {}, soon)
  await winner.status(context, 'INBOX')
  let listed = 0
  const list = a.store.list.bind(a.store)
  a.store.list = async (...args) => { listed++; const page = await list(...args); return { ...page, objects: [] } }
  while (listed === 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
  t.match(await winner.status(context, 'INBOX'), { messages: 1 })
  await winner.stop(5000)
  await former.stop(5000)
})

t.test('a lease that has ended is bought anew by one HEAD, beside the write', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { leaseMs: 1 } })
  await new Promise((resolve) => { setTimeout(resolve, 5) })
  world.store.calls = []
  const slow = world.store.write.bind(world.store)
  world.store.write = async (...args) => { await new Promise((resolve) => { setTimeout(resolve, 20) }); return slow(...args) }
  await user.append(context, 'INBOX', [draft('one')])
  t.same(world.store.calls.map((call) => call.replace(/[0-9a-f]{32,}/g, '*')), ['stat ab/cde/jane/idx/manifest', 'write ab/cde/jane/mailboxes/*/*', 'stat ab/cde/jane/idx/manifest'],
    'and by another where the write has taken longer than a lease')
  await user.stop(5000)

  const calm = await open(newWorld(t, world.store))
  await calm.append(context, 'INBOX', [draft('covered')])
  world.store.calls = []
  await calm.append(context, 'INBOX', [draft('two')])
  t.same(world.store.operations().filter((operation) => operation === 'stat'), [], 'none while it runs')
  await calm.stop(5000)
})

t.test('who has lost the user finds out before it acknowledges anything, once its lease has ended', async (t) => {
  const a = newWorld(t)
  const told: string[] = []
  const loser = await open(a, {}, { limits: { leaseMs: 1 } })
  await loser.append(context, 'INBOX', [draft('one')])
  loser.attach({ id: 's', service: 'imap', closing: (reason) => { told.push(reason) } })
  const winner = await open(newWorld(t, a.store))
  await t.rejects(loser.append(context, 'INBOX', [draft('late')]), { name: 'TempFail', message: /another backend/ })
  t.same(told, ['[UNAVAILABLE] jane is served by another backend now'])
  await loser.stop(5000)
  await winner.stop(5000)
})

t.test('who only reads, or only waits, finds out as well', async (t) => {
  const a = newWorld(t)
  const reader = await open(a, {}, { limits: { leaseReadMs: 0 } })
  await reader.append(context, 'INBOX', [draft('one')])
  const waiting = newWorld(t, a.store)
  const told = new Promise<string>((resolve) => { reader.attach({ id: 's', service: 'imap', closing: resolve }) })
  const second = await open(waiting, {}, { limits: { leaseIdleMs: 20 } })
  await new Promise((resolve) => { setTimeout(resolve, 2) })
  const { close } = await reader.open(context, 'INBOX')
  t.match(await told, /UNAVAILABLE/)
  close()
  const heard = new Promise<string>((resolve) => { second.attach({ id: 's', service: 'imap', closing: resolve }) })
  const third = await open(newWorld(t, a.store))
  t.match(await heard, /UNAVAILABLE/, 'without doing anything')
  for (const user of [reader, second, third]) await user.stop(5000)
})

t.test('nobody can tell whose the user is: what was written is not acknowledged, and flags are kept', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { leaseMs: 1 } })
  await user.append(context, 'INBOX', [draft('one')])
  await new Promise((resolve) => { setTimeout(resolve, 5) })
  world.store.before = (operation) => { if (operation === 'stat') throw new TempFail('503') }
  await t.rejects(user.append(context, 'INBOX', [draft('two')]), { name: 'TempFail' })
  await within(user, 'INBOX', async (inbox) => {
    await inbox.store(context, [1], { mode: 'add', flags: { system: Flag.Seen, keywords: [] } })
    t.same(uidsOf(inbox), [1])
  })
  world.store.before = () => {}
  await user.append(context, 'INBOX', [draft('three')])
  t.match(await user.status(context, 'INBOX'), { messages: 2 })
  await user.stop(5000)
})

t.test('a second look whose note is lost with damaged bytes of the journal is taken all the same: no row stays without its object', async (t) => {
  const a = newWorld(t)
  const former = await open(a)
  await former.append(context, 'INBOX', [draft('one'), draft('two')])
  const mails = (await a.store.keys()).filter((key) => key.includes('/mailboxes/') && !key.includes('/idx/'))
  const b = newWorld(t, a.store)
  t.match(await (await open(b)).status(context, 'INBOX'), { messages: 2 })
  // It dies here.
  const journal = `${b.directory}/jane/root/journal`
  const bytes = fs.readFileSync(journal)
  t.match(bytes.toString('latin1'), /"look","look":[^"]*"guid":"\w+","uids":\[.*\],"before":\d+\}\}\]$/, 'that it is to be taken is written last')
  bytes[bytes.length - 1]! ^= 1
  fs.writeFileSync(journal, bytes)
  // What the former owner had on the wire.
  await a.store.delete(mails[0]!, context)
  const again = await open(b, {}, soon)
  await logged(b, 'obox.second_look')
  await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 1) })
  await again.stop(5000)
})
