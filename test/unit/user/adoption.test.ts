// Mails that another server has left in the store, in obox's layout and with its metadata, and nothing of ours beside them.

import { Buffer } from 'node:buffer'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { TempFail } from '../../../runtime/errors.ts'
import { keptMailbox } from '../../../actors/user/mailbox-load.ts'
import { readLocal } from '../../../actors/user/local-state.ts'
import { limits } from '../../../runtime/limits.ts'
import { context, messageOf, newWorld, open, textOf, uidsOf, within } from './fixture.ts'
import type { HookedStore } from './hooked-store.ts'

const folder = '00d7d12ea08a3153175e0000dfbea952'
const oidOf = (n: number): string => `${n.toString(16).padStart(8, '0')}1d4bf753a1b800001accfe22`
const guidOf = (n: number): string => `${n.toString(16).padStart(8, '0')}aaaaaaaaaaaaaaaaaaaaaaaa`

interface Old { bytes?: Uint8Array; metadata?: Record<string, string>; box?: string }

/** Puts a mail as Dovecot would. */
async function put(store: HookedStore, n: number, { bytes = messageOf(`old ${n}`), metadata, box = folder }: Old = {}): Promise<void> {
  await store.write(`ab/cde/jane/mailboxes/${box}/${oidOf(n)}`, { size: bytes.length, parts: [bytes] }, context, {
    metadata: metadata ?? {
      username: 'jane', guid: guidOf(n), size: String(bytes.length), received: String(1_400_000_000 + n), saved: String(1_500_000_000 - n), origbox: folder,
    },
  })
}

const other = '11e7d12ea08a3153175e0000dfbea952'
const recovered = `recovered-lost-folder-${folder}`

/** A mail elsewhere that tells nothing of INBOX, so that `folder` is not taken for it. */
const putElsewhere = (store: HookedStore): Promise<void> => put(store, 99, { box: other, metadata: { size: '20', saved: '1', origbox: other } })

void t.test('folders by GUID, mails with the facts of their metadata, in the order of saving', async (t) => {
  const world = newWorld(t)
  for (let n = 1; n <= 5; n++) await put(world.store, n)
  await world.store.write(`ab/cde/jane/mailboxes/${folder}/idx/bundle.53f74dc2.0fbcf.c96d802b5d4df75307bb00001accfe22`, { size: 3, parts: [Buffer.from('???')] }, context)
  await world.store.write('ab/cde/jane/idx/bundle.53f74dc2.0fbcf.d96d802b5d4df75307bb00001accfe22', { size: 3, parts: [Buffer.from('???')] }, context)
  await put(world.store, 6, { metadata: { pop3uidl: 'old uidl 6', pop3order: '2', size: '60', saved: '1500000000' } })
  await put(world.store, 7, { metadata: { pop3uidl: 'a\u{e9}', pop3order: '1', size: '60', saved: '1500000000' } })
  await putElsewhere(world.store)
  let user = await open(world)
  t.same(user.list().map(({ name }) => name), ['INBOX', recovered, `recovered-lost-folder-${other}`])
  const seen = async (): Promise<void> => within(user, recovered, async ({ messages }) => {
    const rows = Array.from({ length: messages.count }, (_, row) => [messages.guidOf(row), messages.sizes[row], messages.internalDates[row], messages.saveDates[row]])
    t.same(rows.slice(0, 5), [5, 4, 3, 2, 1].map((n) => [guidOf(n), messageOf(`old ${n}`).length, 1_400_000_000 + n, 1_500_000_000 - n]))
    t.same(rows.slice(5).map(([guid, size]) => [guid, size]), [[oidOf(7), 60], [oidOf(6), 60]], 'saved together: in the order of POP3')
  })
  await seen()
  const uids = await within(user, recovered, async (mailbox) => uidsOf(mailbox))
  await within(user, recovered, async (mailbox) => { t.equal(await textOf(mailbox, uids[4]!), Buffer.from(messageOf('old 1')).toString()) })
  await user.stop(10_000)
  const pop3 = async (directory: string): Promise<unknown> => {
    const local = await readLocal(world.effects, keptMailbox({ user: 'jane', limits }, { name: recovered, guid: folder, directory: `${directory}/jane/mailboxes/${folder}` }))
    return [...local!.state.pop3]
  }
  const wanted = [[uids[5], { uidl: 'a\u{e9}', order: 1 }], [uids[6], { uidl: 'old uidl 6', order: 2 }]]
  t.same(await pop3(world.directory), wanted, 'UIDLs are kept')
  world.store.calls = []
  user = await open(world)
  await seen()
  t.notOk(world.store.calls.some((call) => call.startsWith('stat') && !call.includes('manifest')), 'no mail is asked for again')
  await user.stop(10_000)

  const elsewhere = newWorld(t, world.store)
  world.store.calls = []
  user = await open(elsewhere)
  await seen()
  t.notOk(world.store.calls.some((call) => call.startsWith('stat') && !call.includes('manifest')), 'nor on another machine: the bundle has them')
  t.same(await within(user, recovered, async (mailbox) => uidsOf(mailbox)), uids, 'which knows the same UIDs')
  await user.stop(10_000)
  t.same(await pop3(elsewhere.directory), wanted, 'and the same UIDLs')
  t.equal((await world.store.keys()).filter((key) => key.includes('/idx/bundle.')).length, 2, "the other server's indexes are left alone")
  t.same(world.log.filter(({ level }) => level !== 'info'), [], 'and not complained of')
})

void t.test('bodies that zlib has compressed, sizes that nobody has noted', async (t) => {
  const world = newWorld(t)
  const text = messageOf('compressed', 'coo '.repeat(1000).replaceAll(/(.{76})/g, '$1\r\n'))
  await put(world.store, 1, { bytes: gzipSync(text) , metadata: { size: String(text.length), saved: '1' } })
  await put(world.store, 2, { bytes: Buffer.from('Subject: bare\n\nlines\n'), metadata: { saved: '2' } })
  const user = await open(world)
  await within(user, 'INBOX', async (mailbox) => {
    t.same([...mailbox.messages.sizes.subarray(0, 2)], [text.length, 'Subject: bare\r\n\r\nlines\r\n'.length])
    t.equal(await textOf(mailbox, uidsOf(mailbox)[1]!), 'Subject: bare\r\n\r\nlines\r\n')
  })
  await user.stop(10_000)
})

void t.test('a thousand mails, some at a time; cut off, it goes on where it was', async (t) => {
  const world = newWorld(t)
  const count = 1000
  for (let n = 1; n <= count; n++) await put(world.store, n)
  await putElsewhere(world.store)
  let asked = 0
  let running = 0
  let most = 0
  world.store.before = async (operation, key) => {
    if (operation !== 'stat' || key.includes('/idx/')) return
    asked++
    most = Math.max(most, ++running)
    await new Promise((resolve) => { setImmediate(resolve) })
    running--
    if (asked === 700) throw new TempFail('the store is away')
  }
  let user = await open(world)
  t.ok(asked <= 2 * limits.guessedMails, 'opening the user asks for a few of them')
  asked = 0
  await t.rejects(user.status(context, recovered), TempFail)
  t.equal(await user.status(context, 'INBOX').then(({ messages }) => messages), 0, 'other mailboxes are there')
  t.ok(most <= limits.rebuildRequests, `${most} at a time`)
  await user.stop(10_000)
  const before = asked
  user = await open(world)
  t.equal((await user.status(context, recovered)).messages, count)
  t.ok(asked - before <= count - 690, `${asked - before} were asked for the second time round`)
  t.notOk((await world.effects.files.list(`${world.directory}/jane/mailboxes/${folder}`)).includes('adopting'), 'no notes are left')
  await user.stop(10_000)
})

void t.test('a mail that vanishes meanwhile is not there; torn notes are passed over', async (t) => {
  const world = newWorld(t)
  for (let n = 1; n <= 3; n++) await put(world.store, n)
  await putElsewhere(world.store)
  await world.effects.files.append(`${world.directory}/jane/mailboxes/${folder}/adopting`, Buffer.from(`0 {"oid":"${oidOf(1)}","size":1}\n1234 {"oid":`))
  const user = await open(world)
  world.store.before = async (operation, key) => {
    if (operation === 'stat' && key.endsWith(oidOf(2))) await world.store.delete(key, context)
  }
  await within(user, recovered, async ({ messages }) => {
    t.same(Array.from({ length: messages.count }, (_, row) => messages.guidOf(row)), [guidOf(3), guidOf(1)])
    t.equal(messages.sizes[1], messageOf('old 1').length)
  })
  await user.stop(10_000)
})

void t.test('INBOX is found where it is beyond doubt', async (t) => {
  const boxes = Array.from({ length: 4 }, (_, n) => `${n}${folder.slice(1)}`)
  const named = async (mails: Old[]): Promise<(string | undefined)[]> => {
    const world = newWorld(t)
    for (const [n, mail] of mails.entries()) await put(world.store, n, { ...mail, metadata: { size: '20', ...mail.metadata } })
    const user = await open(world)
    const names = boxes.map((guid) => user.nameOf(guid)?.replace(/^recovered-lost-folder-/, ''))
    t.ok(user.find('INBOX') !== undefined)
    await user.stop(10_000)
    return names
  }
  const from = (box: number, origbox: number, more: Record<string, string> = {}): Old => ({ box: boxes[box]!, metadata: { origbox: boxes[origbox]!, ...more } })
  t.same(await named([from(2, 2)]), [undefined, undefined, 'INBOX', undefined], 'the only one')
  t.same(await named([from(0, 1), from(1, 1), from(2, 1), from(3, 3)]), [boxes[0], 'INBOX', boxes[2], boxes[3]], 'where the mails of the others were first')
  t.same(await named([from(0, 1), from(1, 1), from(2, 2, { pop3uidl: 'x' })]), [boxes[0], boxes[1], 'INBOX', undefined], 'where the UIDLs are')
  t.same(await named([from(0, 1), from(1, 0)]), [boxes[0], boxes[1], undefined, undefined], 'nobody can tell')
  t.same(await named([from(0, 0), from(1, 1)]), [boxes[0], boxes[1], undefined, undefined], 'nor here')
})

void t.test('a take-over that ended before the mailboxes had names', async (t) => {
  const world = newWorld(t)
  await put(world.store, 1)
  await putElsewhere(world.store)
  let writes = 0
  world.store.before = (operation) => { if (operation === 'write' && ++writes > 1) throw new TempFail('the store is away') }
  await t.rejects(open(world), TempFail)
  world.store.before = () => {}
  const user = await open(world)
  t.same(user.list().map(({ name }) => name), ['INBOX', recovered, `recovered-lost-folder-${other}`])
  await user.stop(10_000)
})

void t.test('UIDs given beside an older bundle are in the store before anyone sees them, also where the first try was cut off', async (t) => {
  const settings = { metacache_disable_bundle_list_cache: true }
  const a = newWorld(t)
  await put(a.store, 1)
  await putElsewhere(a.store)
  const first = await open(a, settings)
  await first.status(context, recovered)
  await first.flush()
  await first.stop(10_000)
  await put(a.store, 3)
  const b = newWorld(t, a.store)
  let second = await open(b, settings)
  a.store.before = (operation, key) => { if (operation === 'write' && key.includes(`${folder}/idx/`)) throw new TempFail('away') }
  await t.rejects(second.status(context, recovered), { name: 'TempFail' })
  await second.stop(10_000)
  await t.rejects(open(b, settings).then((user) => (second = user).status(context, recovered)), { name: 'TempFail' }, 'nor does the second try show them')
  await second.stop(10_000)
  a.store.before = () => {}
  second = await open(b, settings)
  const facts = () => within(second, recovered, async ({ messages }) => Array.from({ length: messages.count }, (_, row) => [messages.uids[row]!, messages.guidOf(row)]))
  const seen = await facts()
  t.equal(seen.length, 2)
  t.notOk((await b.effects.files.list(`${b.directory}/jane/mailboxes/${folder}`)).includes('adopting'), 'no notes are left')
  // Saved before the other one. The disk is lost right then.
  await put(a.store, 4)
  const lost = second
  second = await open(newWorld(t, a.store), settings)
  t.same((await facts()).slice(0, 2), seen)
  await second.stop(10_000)
  await lost.stop(10_000)
})
