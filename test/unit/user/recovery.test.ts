// Crashes and losses: a user reopened from what is left.

import fs from 'node:fs'
import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import type { UserActor } from '../../../actors/user/user.ts'
import { mailOid } from '../../../actors/user/object-names.ts'
import { decodeJournalHeader } from '../../../actors/user/journal.ts'
import type { Files } from '../../../runtime/effects.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import { context, draft, messageOf, newWorld, open, overFiles, seen, textOf, uidsOf, within } from './fixture.ts'

const bytesOf = (text: string) => ({ size: Buffer.byteLength(text), parts: [Buffer.from(text)] })
const flags = (system: number, keywords: string[] = []) => ({ system, keywords })
const localOf = (directory: string, user: UserActor, name = 'INBOX'): string => `${directory}/jane/mailboxes/${user.find(name)!.guid}`
const storeOf = (user: UserActor, name = 'INBOX'): string => `ab/cde/jane/mailboxes/${user.find(name)!.guid}/`

/** The files as a crash would leave them now; the crashed actor lives on somewhere else and is forgotten. */
function crash(directory: string): { directory: string } {
  const copy = `${directory}/crash-${fs.readdirSync(directory).length}`
  fs.cpSync(`${directory}/jane`, `${copy}/jane`, { recursive: true })
  return { directory: copy }
}

t.test('after kill -9 everything acknowledged is there, and no UID is used twice', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  const before = await within(user, 'INBOX', async (inbox) => {
    await inbox.store(context, [2], { mode: 'add', flags: flags(Flag.Seen, ['K']) })
    return seen(inbox)
  })
  const again = await open({ ...world, ...crash(world.directory) })
  await within(again, 'INBOX', async (inbox) => {
    t.same(seen(inbox), before)
    t.ok(inbox.uidNext > 3 && inbox.uidNext <= 3 + 64)
    const { uids } = await again.append(context, 'INBOX', [draft('c')])
    t.ok(uids[0]! > 2)
  })
  await again.stop(5000)
  await user.stop(5000)
})

t.test('cut at every byte, the journal gives a prefix of what happened, and the store all mails', async (t) => {
  const world = newWorld(t)
  // It never uploads what the copies of its files must not find in the store, however slow the machine.
  const user = await open(world, {}, { limits: { mailboxIdleMs: 3_600_000 } })
  const states: string[][] = [[]]
  await user.append(context, 'INBOX', [draft('a', { flags: flags(0, ['One']) })])
  const journal = `${localOf(world.directory, user)}/journal`
  await within(user, 'INBOX', async (inbox) => {
    const note = () => { states.push(seen(inbox).map((row) => JSON.stringify(row))) }
    note()
    await inbox.store(context, [1], { mode: 'replace', flags: flags(Flag.Flagged, ['Two']) })
    note()
    await user.append(context, 'INBOX', [draft('b'), draft('c')])
    note()
    await inbox.expunge(context, [2])
    note()
  })
  const whole = fs.readFileSync(journal)
  const guid = user.find('INBOX')!.guid!
  const uidOf = (row: string): number => (JSON.parse(row) as { uid: number }).uid
  let reached = 0
  const keys = new Set(await world.store.keys())
  for (let cut = 32; cut <= whole.length; cut++) {
    world.log.length = 0
    const { directory } = crash(world.directory)
    fs.writeFileSync(`${directory}/jane/mailboxes/${guid}/journal`, whole.subarray(0, cut))
    const again = await open({ ...world, directory })
    const found = await within(again, 'INBOX', async (inbox) => seen(inbox).map((row) => JSON.stringify(row)))
    // What the journal has not, the store brings back under its UID, but for the flags; what is expunged there stays so.
    const torn = world.log.some(({ name }) => name === 'user.journal_cut')
    world.log.length = 0
    const at = states.findIndex((rows) => rows.every((row) => found.includes(row) || (torn && uidOf(row) === 2)) && (torn || rows.length === found.length))
    if (at < 0) t.fail(`cut at ${cut}: ${found.join()}`)
    if (torn) t.same(found.map(uidOf), [1, 3], `cut at ${cut}`)
    reached = Math.max(reached, at)
    await again.stop(5000)
    // This one's bundles are no other's.
    await world.store.deleteMany((await world.store.keys()).filter((key) => !keys.has(key)), context)
  }
  t.equal(reached, states.length - 1, 'every state was met')
  await user.stop(5000)
})

t.test('a crash between the snapshot and the new journal changes nothing', async (t) => {
  const world = newWorld(t)
  let between: { directory: string } | undefined
  const { files } = world.effects
  const replace: Files['replace'] = async (path, bytes) => {
    const generation = path.endsWith('/journal') ? decodeJournalHeader(bytes)!.generation : 0
    if (path.includes('/mailboxes/') && generation === 1) between = crash(world.directory)
    await files.replace(path, bytes)
  }
  const user = await open({ ...world, effects: { ...world.effects, files: overFiles(files, { replace }) } }, {}, { limits: { journalBytes: 200 } })
  await user.append(context, 'INBOX', [draft('a', { flags: flags(Flag.Seen) })])
  await user.append(context, 'INBOX', [draft('b'), draft('c')])
  const before = await within(user, 'INBOX', async (inbox) => seen(inbox))
  await user.stop(5000)
  const crashed = between!
  const again = await open({ ...world, ...crashed })
  await within(again, 'INBOX', async (inbox) => {
    t.same(seen(inbox), before)
    await inbox.store(context, [1], { mode: 'remove', flags: flags(Flag.Seen) })
  })
  await again.stop(5000)
  const third = await open({ ...world, ...crashed })
  await within(third, 'INBOX', async (inbox) => { t.equal(inbox.messages.flags[0], 0) })
  await third.stop(5000)
})

t.test('with the home wiped: flags from the bundle, newer mails from the listing, UIDNEXT at the ceiling', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Work')
  const { uidValidity } = await user.append(context, 'INBOX', [draft('a'), draft('b'), draft('c', { flags: flags(0, ['Kept']) })])
  await within(user, 'INBOX', async (inbox) => {
    await inbox.store(context, [1], { mode: 'add', flags: flags(Flag.Flagged) })
    await inbox.expunge(context, [2])
  })
  await user.flush()
  await user.append(context, 'INBOX', [draft('later', { internalDate: -3, flags: flags(Flag.Seen) })])
  const before = await within(user, 'INBOX', async (inbox) => seen(inbox) as { uid: number; flags: number }[])
  const other = newWorld(t, world.store)
  world.store.calls = []
  const again = await open(other)
  t.same(world.store.operations(), ['read', 'write'])
  t.same(again.list().map(({ name, guid }) => [name, guid]), user.list().map(({ name, guid }) => [name, guid]))
  await within(again, 'INBOX', async (inbox) => {
    t.same(world.store.operations(), ['read', 'list'])
    t.same(seen(inbox), before.map((row) => (row.uid === 4 ? { ...row, flags: 0 } : row)), 'a flag newer than the bundle is lost, a mail is not')
    t.equal(inbox.uidValidity, uidValidity)
    t.equal(inbox.uidNext, 4 + 10_000)
    await inbox.summary(context, 1)
    t.same(world.store.operations(), [], 'the bundle has the message cache too')
    t.equal((await inbox.summary(context, 4)).size, messageOf('later').length)
    t.equal(await textOf(inbox, 4), messageOf('later').toString())
  })
  t.same((await again.append(context, 'INBOX', [draft('next')])).uids, [10_004])
  await again.stop(5000)
  await user.stop(5000)
})

t.test('stop uploads; the next machine needs no more than the bundles', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', Array.from({ length: 12 }, (_, n) => draft(String(n), { flags: flags(Flag.Seen) })))
  await user.subscribe(context, 'INBOX')
  await user.stop(5000)
  t.equal((await world.store.keys()).filter((key) => key.includes('/idx/')).length, 2, 'the manifest, and a bundle of INBOX')
  const again = await open(newWorld(t, world.store))
  t.same(again.subscriptions(), ['INBOX'])
  t.match(await again.status(context, 'INBOX'), { messages: 12, unseen: 0 })
  await again.stop(5000)
})

t.test('a store that is away is never an empty user', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a')])
  await user.stop(5000)
  for (const operation of ['list', 'read', 'write']) {
    const other = newWorld(t, world.store)
    world.store.before = (running) => { if (running === operation) throw new TempFail('away') }
    if (operation !== 'list') await t.rejects(open(other), { name: 'TempFail' })
    world.store.before = () => {}
    const later = await open(other)
    world.store.before = (running) => { if (running === operation) throw new TempFail('away') }
    if (operation === 'list') await t.rejects(later.open(context, 'INBOX'), { name: 'TempFail' })
    world.store.before = () => {}
    t.match(await later.status(context, 'INBOX'), { messages: 1 })
    await later.stop(5000)
  }
})

t.test('a damaged newest bundle: the older one is taken, and no UID comes twice', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a', { flags: flags(Flag.Seen) })])
  await user.flush()
  const prefix = `${storeOf(user)}idx/`
  const bad = `${prefix}base.ffffffff.00000001.${'0'.repeat(32)}`
  await world.store.write(bad, bytesOf('not a bundle at all, but long enough'), context, { metadata: { ceiling: '50000' } })
  const other = newWorld(t, world.store)
  const again = await open(other)
  await within(again, 'INBOX', async (inbox) => {
    t.same(seen(inbox).length, 1)
    t.equal(inbox.messages.flags[0], Flag.Seen)
    t.equal(inbox.uidNext, 50_000)
  })
  t.equal(other.log.filter(({ name }) => name === 'metacache.bundle_damaged').length, 1)
  await user.stop(5000)
  await again.stop(5000)
})

t.test('local files that are damaged are set aside and rebuilt', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { journalBytes: 1 } })
  await user.append(context, 'INBOX', [draft('a', { flags: flags(Flag.Seen) }), draft('b')])
  await user.stop(5000)
  const local = localOf(world.directory, user)
  const snapshot = fs.readFileSync(`${local}/snapshot`)
  snapshot[snapshot.length - 3]! ^= 1
  fs.writeFileSync(`${local}/snapshot`, snapshot)
  const again = await open(world)
  await within(again, 'INBOX', async (inbox) => {
    t.same(uidsOf(inbox), [1, 2])
    t.equal(inbox.messages.flags[0], Flag.Seen)
  })
  t.ok(world.log.some(({ name, level }) => name === 'user.state_damaged' && level === 'error'))
  t.ok(fs.readdirSync(local).some((name) => name.startsWith('snapshot.broken-')))
  await again.stop(5000)
})

t.test('two mailboxes are damaged after a hand-over: neither is believed to be as it was handed over', async (t) => {
  const world = newWorld(t)
  const before = await open(world)
  await before.create(context, 'Work')
  await before.stop(5000)
  const taken = newWorld(t, world.store)
  const user = await open(taken)
  const uidNext: Record<string, number> = {}
  for (const name of ['INBOX', 'Work']) {
    await user.append(context, name, [draft(name)])
    uidNext[name] = (await user.status(context, name)).uidNext
  }
  await user.stop(5000)
  for (const name of ['INBOX', 'Work']) {
    const journal = `${localOf(taken.directory, user, name)}/journal`
    const bytes = fs.readFileSync(journal)
    bytes[36]! ^= 1
    fs.writeFileSync(journal, bytes)
  }
  // Making the first one again begins a new epoch.
  const again = await open(taken)
  for (const name of ['INBOX', 'Work']) {
    await within(again, name, async (mailbox) => { t.equal(mailbox.messages.count, 1, `the mail of ${name} is there`) })
    t.ok((await again.status(context, name)).uidNext >= uidNext[name]!, `UIDNEXT of ${name} has not sunk`)
  }
  await again.stop(5000)
})

t.test('a lost manifest: folders with mails come back under a name that says so', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Work')
  await user.append(context, 'Work', [draft('a')])
  const guid = user.find('Work')!.guid!
  await user.stop(5000)
  for (const key of await world.store.keys('ab/cde/jane/idx/')) await world.store.delete(key, context)
  const again = await open(newWorld(t, world.store))
  t.same(again.list().map(({ name }) => name), ['INBOX', `recovered-lost-folder-${guid}`])
  t.match(await again.status(context, `recovered-lost-folder-${guid}`), { messages: 1 })
  await again.stop(5000)
})

t.test('mails of another server are adopted with new UIDs, read in CRLF form, and copied', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('ours')])
  await user.stop(5000)
  const guid = 'd88ff1001d4bf753a1b800001accfe22'
  const metadata = { username: 'jane', guid: 'aa8ff1001d4bf753a1b800001accfe22', size: '30', received: '1400000000', saved: '1400000001' }
  await world.store.write(storeOf(user) + guid, bytesOf('Subject: theirs\n\nLF only\nend\n'.slice(0, -1)), context, { metadata })
  await world.store.write(`${storeOf(user)}e88ff1001d4bf753a1b800001accfe22`, bytesOf('Subject: bare\n\nx\n'), context)
  const other = newWorld(t, world.store)
  const again = await open(other)
  await again.create(context, 'Copies')
  const first = await within(again, 'INBOX', async (inbox) => {
    const { messages } = inbox
    t.equal(messages.count, 3)
    t.match(uidsOf(inbox), [1, 10_001, 10_002])
    const row = [1, 2].find((at) => messages.guidOf(at) === metadata.guid)!
    t.equal(messages.internalDates[row], 1_400_000_000)
    t.equal(messages.sizes[row], 30)
    const text = await textOf(inbox, messages.uids[row]!)
    t.equal(text, 'Subject: theirs\r\n\r\nLF only\r\nend'.slice(0, 30))
    t.equal(await textOf(inbox, messages.uids[row]!, { start: 17, end: 23 }), text.slice(17, 23))
    t.equal(messages.sizes[3 - row], 'Subject: bare\r\n\r\nx\r\n'.length, 'a missing size is counted')
    await inbox.copy(context, [messages.uids[3 - row]!], 'Copies', { move: false })
    return seen(inbox)
  })
  await within(again, 'Copies', async (copies) => { t.equal(await textOf(copies, 1), 'Subject: bare\r\n\r\nx\r\n') })
  await again.stop(5000)
  const third = await open(newWorld(t, world.store))
  await within(third, 'INBOX', async (inbox) => { t.same(seen(inbox), first, 'their new UIDs were uploaded at once') })
  await within(third, 'Copies', async (copies) => { t.equal(await textOf(copies, 1), 'Subject: bare\r\n\r\nx\r\n') })
  await third.stop(5000)
})

t.test('two objects with one UID are both kept', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a')])
  await user.stop(5000)
  const twin = mailOid({ guid: 'ff8ff1001d4bf753a1b800001accfe22', uid: 1, received: 7, size: messageOf('twin').length, crlf: true })
  await world.store.write(storeOf(user) + twin, { size: messageOf('twin').length, parts: [messageOf('twin')] }, context)
  const again = await open(newWorld(t, world.store))
  await within(again, 'INBOX', async (inbox) => {
    t.equal(inbox.messages.count, 2)
    const uids = uidsOf(inbox)
    t.equal(uids[0], 1)
    t.ok(uids[1]! >= 10_001)
    t.same([await textOf(inbox, 1), await textOf(inbox, uids[1]!)].sort(), [messageOf('a').toString(), messageOf('twin').toString()])
  })
  await again.stop(5000)
})

t.test('expunged mails whose objects could not be deleted stay expunged, and go later', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  world.store.before = (operation) => { if (operation === 'deleteMany') throw new TempFail('away') }
  await within(user, 'INBOX', (inbox) => inbox.expunge(context, [1]))
  await user.stop(5000)
  t.ok(world.log.some(({ name }) => name === 'obox.delete_failed'))
  world.store.before = () => {}
  const crashed = newWorld(t, world.store)
  const elsewhere = await open(crashed)
  await within(elsewhere, 'INBOX', async (inbox) => { t.same(uidsOf(inbox), [2], 'the bundle knows them as garbage') })
  await elsewhere.stop(5000)
  t.equal((await world.store.keys(storeOf(user))).filter((key) => !key.includes('/idx/')).length, 1)
})

t.test('a damaged manifest without a copy: the same, and the next manifest is whole', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Work')
  await user.append(context, 'Work', [draft('a')])
  const guid = user.find('Work')!.guid!
  await user.stop(5000)
  await world.store.write('ab/cde/jane/idx/manifest', bytesOf('nonsense'), context, { metadata: { epoch: '7', owner: 'x', write: 'y' } })
  await world.store.deleteMany((await world.store.keys()).filter((key) => key.endsWith('/manifest.copy')), context)
  const other = newWorld(t, world.store)
  const again = await open(other)
  t.same(again.list().map(({ name }) => name), ['INBOX', `recovered-lost-folder-${guid}`])
  t.ok(other.log.some(({ name, level }) => name === 'metacache.manifest_damaged' && level === 'error'))
  await again.stop(5000)
  const third = await open(newWorld(t, world.store))
  t.equal(third.list().length, 2)
  await third.stop(5000)
})

t.test('flags changed again and again are soon in a snapshot, also across restarts', async (t) => {
  const world = newWorld(t)
  let user = await open(world)
  await user.append(context, 'INBOX', Array.from({ length: 100 }, (_, n) => draft(String(n))))
  const uids = Array.from({ length: 100 }, (_, n) => n + 1)
  const generation = (): number => decodeJournalHeader(fs.readFileSync(`${localOf(world.directory, user)}/journal`))!.generation
  const before = generation()
  const rounds = limits.journalBytes / limits.journalRowBytes / uids.length
  for (let round = 0; round < rounds; round++) {
    if (round % 50 === 20) {
      await user.stop(5000)
      user = await open(world)
    }
    await within(user, 'INBOX', (inbox) => inbox.store(context, uids, { mode: round % 2 === 0 ? 'add' : 'remove', flags: flags(Flag.Seen) }))
  }
  t.equal(generation(), before + 1)
  await user.stop(5000)
})

t.test('a mail whose UID was given out before the last snapshot is found where its record is cut', async (t) => {
  const world = newWorld(t)
  const user = await open(world, {}, { limits: { journalBytes: 40 } })
  await user.append(context, 'INBOX', [draft('one')])
  const inbox = await user.open(context, 'INBOX')
  // While the second is on its way, a snapshot is made.
  world.store.before = async (operation) => {
    if (operation !== 'write') return
    world.store.before = () => {}
    for (const keyword of ['a', 'b', 'c', 'd']) await inbox.mailbox.store(context, [1], { mode: 'add', flags: { system: 0, keywords: [keyword] } })
  }
  t.same((await user.append(context, 'INBOX', [draft('two')])).uids, [2])
  fs.cpSync(`${world.directory}/jane`, `${world.directory}/crash/jane`, { recursive: true })
  const journal = `${world.directory}/crash/jane/mailboxes/${user.find('INBOX')!.guid!}/journal`
  const bytes = fs.readFileSync(journal)
  bytes[bytes.length - 1]! ^= 1
  fs.writeFileSync(journal, bytes)
  const again = await open({ ...world, directory: `${world.directory}/crash` })
  await within(again, 'INBOX', async (found) => {
    t.ok(world.log.some(({ name }) => name === 'user.journal_cut'))
    t.same(uidsOf(found), [1, 2])
    t.match(await textOf(found, 2), /Subject: two/)
  })
  inbox.close()
  for (const one of [again, user]) await one.stop(5000)
})

t.test('a cut journal whose mailbox cannot be listed for long is looked for no longer than once', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('one')])
  const { guid } = await user.status(context, 'INBOX')
  // As kill -9 leaves it, with a torn tail.
  fs.cpSync(`${world.directory}/jane`, `${world.directory}/crash/jane`, { recursive: true })
  await user.stop(5000)
  const left = { ...world, directory: `${world.directory}/crash` }
  fs.appendFileSync(`${left.directory}/jane/mailboxes/${guid}/journal`, Buffer.from([9, 0, 0, 0, 1]))
  const again = await open(left)
  world.store.before = (operation) => { if (operation === 'list') throw new TempFail('away') }
  const tries = 30
  for (let n = 0; n < tries; n++) await t.rejects(again.append(context, 'INBOX', [draft('two')]), { name: 'TempFail' })
  world.store.before = () => {}
  await again.stop(5000)
  const bytes = fs.readFileSync(`${left.directory}/jane/root/journal`).length
  const last = await open(left)
  for (let n = 0; n < 3; n++) await within(last, 'INBOX', async (inbox) => { t.ok(inbox.messages.count >= 1) })
  await last.stop(5000)
  t.ok(bytes < 4000, `${bytes} bytes of journal for ${tries} tries`)
})
