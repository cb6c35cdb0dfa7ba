// A machine that is started anew after a loss of power: files end where a write ended that was not forced to disk.

import fs from 'node:fs'
import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import type { UserActor } from '../../../actors/user/user.ts'
import { decodeJournal } from '../../../actors/user/journal.ts'
import { decodeMailboxRecord } from '../../../actors/user/mailbox-records.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { bootId } from '../../../runtime/real-files.ts'
import { context, draft, newWorld, open, seen, uidsOf, within } from './fixture.ts'

type World = ReturnType<typeof newWorld>
const patient = { limits: { mailboxIdleMs: 300_000, userIdleMs: 300_000 } }
const localOf = (directory: string, guid: string): string => `${directory}/jane/mailboxes/${guid}`
const journalOf = (directory: string, guid: string): string => `${localOf(directory, guid)}/journal`
const flagged = { mode: 'add' as const, flags: { system: Flag.Flagged, keywords: [] } }

/** The world in a run of the machine. */
const inRun = <W extends World>(world: W, boot: string): W => ({ ...world, effects: { ...world.effects, bootId: boot } })

/** The local files as they are now, for another actor: the one that writes them lives on and is forgotten. */
function crashed<W extends World>(world: W): W {
  const directory = `${world.directory}/crash-${fs.readdirSync(world.directory).length}`
  fs.cpSync(`${world.directory}/jane`, `${directory}/jane`, { recursive: true })
  return { ...world, directory }
}

/** Cuts a journal behind so many of its records. */
function cut(file: string, records: number): void {
  const { records: all } = decodeJournal(fs.readFileSync(file))!
  fs.truncateSync(file, all.slice(0, records).reduce((end, record) => end + 8 + record.length, 32))
}

const recordsOf = (file: string): number => decodeJournal(fs.readFileSync(file))!.records.length
const statusOf = (user: UserActor, name = 'INBOX') => user.status(context, name)

t.test('what the kernel calls this run of the machine', async (t) => {
  t.match(newWorld(t).effects.bootId, /^[0-9a-f-]{36}$/)
  t.equal(bootId('/nowhere/boot_id'), '')
})

t.test('mails whose records are gone are there again, flags are not, and nothing is told twice', async (t) => {
  const world = inRun(newWorld(t), 'one')
  const user = await open(world, {}, patient)
  await user.append(context, 'INBOX', [draft('a')])
  const guid = user.find('INBOX')!.guid!
  const kept = recordsOf(journalOf(world.directory, guid))
  await user.append(context, 'INBOX', [draft('b'), draft('c')])
  const before = await within(user, 'INBOX', async (inbox) => {
    await inbox.store(context, [1, 2], flagged)
    await inbox.expunge(context, [3])
    return { seen: seen(inbox), modseq: inbox.highestModseq, uidNext: inbox.uidNext }
  })
  const records = recordsOf(journalOf(world.directory, guid))
  for (let left = kept; left <= records; left++) {
    const after = inRun(crashed(world), 'two')
    cut(journalOf(after.directory, guid), left)
    const again = await open(after, {}, patient)
    t.equal((await statusOf(again)).messages, 2, `${left} records: figures that were kept are not believed`)
    await within(again, 'INBOX', async (inbox) => {
      t.same(uidsOf(inbox), [1, 2], `${left} records: all mails, under their UIDs, and none that was expunged`)
      t.ok(inbox.uidNext >= before.uidNext, 'UIDNEXT has not sunk')
      t.ok([...inbox.messages.modseqs.subarray(0, 2)].every((modseq) => modseq > before.modseq), 'whoever comes back asks for all flags')
      t.ok(inbox.vanishedSince(before.modseq - 1)!.some(({ first, last }) => first <= 3 && 3 <= last), 'and is told what is gone')
      if (left === records) t.same(seen(inbox), before.seen, 'with nothing lost, the flags are there')
    })
    await again.stop(5000)
    for (const key of await world.store.keys()) if (/\/mailboxes\/.*\/idx\/(diff|head)/.test(key) || /base\.0000000[2-9]/.test(key)) await world.store.delete(key, context)
  }
  await user.stop(5000)
})

t.test('only what was written to since is looked for, and once', async (t) => {
  const world = inRun(newWorld(t), 'one')
  const user = await open(world, {}, patient)
  await user.create(context, 'Old')
  await user.append(context, 'Old', [draft('old')])
  await user.stop(5000)
  const second = await open(world, {}, patient)
  await second.append(context, 'INBOX', [draft('new')])
  const after = crashed(world)
  world.store.operations()

  const same = crashed(after)
  const process = await open(same, {}, patient)
  for (const name of ['INBOX', 'Old']) await within(process, name, async ({ messages }) => { t.equal(messages.count, 1) })
  t.same(world.store.operations(), ['stat'], 'in the same run nothing is asked but whose the user is')

  const again = await open(inRun(after, 'two'), {}, patient)
  t.same(world.store.operations(), ['stat'], 'nor is it when the user is opened in another')
  t.match(world.log.filter(({ name }) => name === 'user.machine_restarted'), [{ level: 'info', values: { mailboxes: 1 } }], 'which is told')
  await within(again, 'Old', async ({ messages }) => { t.equal(messages.count, 1) })
  t.same(world.store.operations(), [], 'of a mailbox that was at rest')
  await within(again, 'INBOX', async ({ messages }) => { t.equal(messages.count, 1) })
  t.same(world.store.operations(), ['list', 'stat', 'write'], 'a listing, its newest bundle, and a new epoch')
  const third = await open(inRun(crashed(after), 'two'), {}, patient)
  await within(third, 'INBOX', async ({ messages }) => { t.equal(messages.count, 1) })
  t.same(world.store.operations(), ['stat'], 'once')
  for (const one of [third, again, process, second]) await one.stop(5000)
})

t.test('after a clean stop nothing is looked for, unless a journal has become shorter', async (t) => {
  const world = inRun(newWorld(t), 'one')
  const user = await open(world, {}, patient)
  await user.append(context, 'INBOX', [draft('a'), draft('b', { flags: { system: Flag.Seen, keywords: [] } })])
  const guid = user.find('INBOX')!.guid!
  await user.stop(5000)
  const whole = inRun(crashed(world), 'two')
  const short = inRun(crashed(world), 'two')
  cut(journalOf(short.directory, guid), 2)
  world.store.operations()
  const again = await open(whole, {}, patient)
  await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 2) })
  t.same(world.store.operations(), ['stat'])
  const other = await open(short, {}, patient)
  await within(other, 'INBOX', async (inbox) => {
    t.equal(inbox.messages.count, 2)
    t.equal(inbox.messages.flags[1], Flag.Seen, 'the bundle has its flags')
  })
  await again.stop(5000)
  await other.stop(5000)
})

t.test('mail_fsync = optimized: no listing; modseqs go on where flags may be lost', async (t) => {
  const world = inRun(newWorld(t), 'one')
  const settings = { mail_fsync: 'optimized' as const }
  const user = await open(world, settings, patient)
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  const guid = user.find('INBOX')!.guid!
  const kept = recordsOf(journalOf(world.directory, guid))
  const modseq = await within(user, 'INBOX', async (inbox) => {
    await inbox.store(context, [1], flagged)
    return inbox.highestModseq
  })
  const after = inRun(crashed(world), 'two')
  cut(journalOf(after.directory, guid), kept)
  world.store.operations()
  const again = await open(after, settings, patient)
  await within(again, 'INBOX', async (inbox) => {
    t.ok([...inbox.messages.modseqs.subarray(0, 2)].every((one) => one > modseq))
    t.equal(inbox.messages.flags[0], 0, 'the flag was not forced to disk')
  })
  t.same(world.store.operations(), ['stat', 'write'])
  await again.stop(5000)
  await user.stop(5000)
})

t.test('mail_fsync = optimized: closed mailboxes, and all with always, cost nothing', async (t) => {
  for (const mail_fsync of ['optimized', 'always'] as const) {
    const world = inRun(newWorld(t), 'one')
    const user = await open(world, { mail_fsync }, mail_fsync === 'always' ? patient : { limits: { mailboxIdleMs: 1, userIdleMs: 300_000 } })
    await user.append(context, 'INBOX', [draft('a')])
    const guid = user.find('INBOX')!.guid!
    if (mail_fsync === 'optimized') while (user.describe().values!['mailboxes'] !== 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
    const after = inRun(crashed(world), 'two')
    world.store.operations()
    const again = await open(after, { mail_fsync }, patient)
    await within(again, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 1); t.equal(inbox.guid, guid) })
    t.same(world.store.operations(), ['stat'], mail_fsync)
    await again.stop(5000)
    await user.stop(5000)
  }
})

t.test('UIDNEXT does not sink where the store goes away in the middle of a recovery', async (t) => {
  const few = { limits: { ...patient.limits, uidReserveBundle: 5, uidReserveJournal: 2 } }
  const world = inRun(newWorld(t), 'one')
  const user = await open(world, {}, few)
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  await user.flush()
  const guid = user.find('INBOX')!.guid!
  const told = await within(user, 'INBOX', async (inbox) => {
    for (let n = 0; n < 12; n++) await inbox.expunge(context, (await user.append(context, 'INBOX', [draft(`m${n}`)])).uids)
    return inbox.uidNext
  })
  const after = inRun(crashed(world), 'two')
  const { records } = decodeJournal(fs.readFileSync(journalOf(after.directory, guid)))!
  const kept = 1 + records.findLastIndex((one) => decodeMailboxRecord(one).kind === 'uploading')
  cut(journalOf(after.directory, guid), kept)
  const again = await open(after, {}, few)
  world.store.before = (operation, key) => { if (operation === 'write' && key.includes(guid)) throw new TempFail('away') }
  await t.rejects(within(again, 'INBOX', async () => {}))
  world.store.before = () => {}
  await within(again, 'INBOX', async (inbox) => { t.ok(inbox.uidNext >= told, `${inbox.uidNext} after ${told}`) })
  await again.stop(5000)
  await user.stop(5000)
})

t.test('the list of folders may be short too', async (t) => {
  const world = inRun(newWorld(t), 'one')
  const user = await open(world, {}, patient)
  const root = `${world.directory}/jane/root/journal`
  const kept = recordsOf(root)
  await user.create(context, 'Work')
  await user.append(context, 'Work', [draft('a')])
  await user.rename(context, 'Work', 'Play')
  const after = inRun(crashed(world), 'two')
  cut(`${after.directory}/jane/root/journal`, kept)
  const again = await open(after, {}, patient)
  t.same(again.list().map(({ name }) => name).sort(), ['INBOX', 'Play'])
  t.equal((await statusOf(again, 'Play')).messages, 1)
  await again.stop(5000)
  await user.stop(5000)
})
