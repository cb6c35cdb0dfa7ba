// What operations cost in requests to the object store: requests are money, so each figure is an assertion.

import t from 'tap'
import { Flag } from '../../actors/user/types.ts'
import type { MailboxHandle } from '../../actors/user/types.ts'
import { smallWorld } from '../fixtures/small-world.ts'
import { cachedStore } from '../fixtures/cached-store.ts'
import { HookedStore } from '../unit/user/hooked-store.ts'
import type { Operation } from '../unit/user/hooked-store.ts'
import { context, draft, newWorld, open, textOf, within } from '../unit/user/fixture.ts'
import { figure } from './measure.ts'

const delayed = { metacache_delay_uploads: true, obox_max_rescan_mail_count: 10 }

/** `write write list` as `2 write, 1 list`. */
function told(operations: string[]): string {
  const counts = new Map<string, number>()
  for (const operation of operations) counts.set(operation, (counts.get(operation) ?? 0) + 1)
  return operations.length === 0 ? 'no request' : [...counts].map(([operation, count]) => `${count} ${operation}`).join(', ')
}

void t.test('requests to the object store', async (t) => {
  const world = newWorld(t)
  const { store } = world
  const delivery = (subject: string): Parameters<typeof user.deliver>[1] => ({ draft: draft(subject), from: 'a@example.org', to: 'jane@example.org', session: 's' })
  const costs = async (what: string, wanted: string, action: () => Promise<unknown>): Promise<void> => {
    store.operations()
    await action()
    const cost = told(store.operations())
    t.equal(cost, wanted, what)
    figure(t, `${what}: ${cost}`)
  }

  let user = await open(world, delayed)
  await costs('a delivery to a user in memory', '1 write', () => user.deliver(context, delivery('one')))
  await costs('nine more', '9 write', async () => { for (let n = 0; n < 9; n++) await user.deliver(context, delivery(`more ${n}`)) })
  let handle: MailboxHandle | undefined
  await costs('warm SELECT', 'no request', async () => { handle = await user.open(context, 'INBOX') })
  const { mailbox } = handle!
  await costs('ENVELOPE, BODYSTRUCTURE, FLAGS of all', 'no request', async () => { for (let uid = 1; uid <= 10; uid++) await mailbox.summary(context, uid) })
  await costs('a body', '1 read', () => textOf(mailbox, 3))
  await costs('STATUS', 'no request', () => user.status(context, 'INBOX'))
  await costs('STORE on all', 'no request', () => mailbox.store(context, [1, 2, 3], { mode: 'add', flags: { system: 1, keywords: ['work'] } }))
  await user.create(context, 'Archive')
  await costs('COPY of ten', '10 copy', () => mailbox.copy(context, Array.from({ length: 10 }, (_, n) => n + 1), 'Archive', { move: false }))
  handle!.close()
  await costs('a clean close after all this (INBOX, Archive)', '4 write, 2 stat', () => user.stop(10_000))

  await costs('a login with local state', '1 stat', async () => { user = await open(world, delayed) })
  await costs('its SELECT', 'no request', async () => { handle = await user.open(context, 'INBOX') })
  await costs('EXPUNGE of ten, in the background, the first change after a clean close', '1 write, 1 deleteMany', async () => {
    await handle!.mailbox.expunge(context, Array.from({ length: 10 }, (_, n) => n + 1))
    handle!.close()
    await user.status(context, 'INBOX')
    while (!store.calls.some((call) => call.startsWith('deleteMany'))) await new Promise((resolve) => setTimeout(resolve, 5))
  })
  await user.stop(10_000)

  const elsewhere = newWorld(t, store)
  await costs('a login without local state', '1 read, 1 write', async () => { user = await open(elsewhere, delayed) })
  await costs('its first SELECT', '1 read', async () => { handle = await user.open(context, 'Archive') })
  t.equal(handle!.mailbox.messages.count, 10)
  handle!.close()
  await user.stop(10_000)
})

/** How often each operation was asked for since the last look. */
function countsOf(store: HookedStore): Partial<Record<Operation, number>> {
  const counts: Partial<Record<Operation, number>> = {}
  for (const operation of store.operations() as Operation[]) counts[operation] = (counts[operation] ?? 0) + 1
  return counts
}

void t.test('deliveries with their share of index uploads; logins', async (t) => {
  const world = newWorld(t)
  const { store } = world
  const uploading = { ...delayed, metacache_upload_interval: 20 }
  let user = await open(world, uploading)
  const uploads = (): number => store.calls.filter((call) => /^write .*\/mailboxes\/.*\/idx\//.test(call)).length
  countsOf(store)
  const rounds = 4
  for (let round = 1; round <= rounds; round++) {
    for (let n = 0; n < 11; n++) await user.deliver(context, { draft: draft(`${round}/${n}`), from: 'a@example.org', to: 'jane@example.org', session: 's' })
    while (uploads() < round) await new Promise((resolve) => { setTimeout(resolve, 5) })
  }
  const writes = countsOf(store).write ?? 0
  figure(t, `${rounds * 11} deliveries and the index uploads that follow: ${writes} PUT`)
  t.ok(writes * 10 <= rounds * 11 * 11, `no more than 11 PUT for 10 deliveries: ${writes} for ${rounds * 11}`)

  // Another session of a user that is in memory.
  const leave = user.attach({ id: 's2', service: 'imap', closing() {} })
  await within(user, 'INBOX', async (mailbox) => {
    for (const uid of mailbox.messages.uids.subarray(0, mailbox.messages.count)) t.ok(mailbox.messages.rowOf(uid) >= 0)
    await user.status(context, 'INBOX')
  })
  leave()
  t.same(countsOf(store), {}, 'warm login, SELECT, FETCH FLAGS, STATUS: no request')
  figure(t, 'warm login, SELECT, FETCH FLAGS, STATUS: no request')
  await user.flush()
  await user.stop(10_000)

  countsOf(store)
  user = await open(newWorld(t, store), delayed)
  await within(user, 'INBOX', async ({ messages }) => { t.equal(messages.count, rounds * 11) })
  const cold = countsOf(store)
  figure(t, `login and SELECT INBOX on another machine, after ${rounds} index uploads: ${JSON.stringify(cold)}`)
  t.ok((cold.read ?? 0) + (cold.stat ?? 0) <= 4 && cold.list === undefined && cold.write === 1, 'at most 4 GET and no LIST')
  await user.stop(10_000)
})

void t.test('copying and expunging a thousand mails', async (t) => {
  const world = newWorld(t)
  const { store } = world
  const user = await open(world, { ...delayed, mail_prefetch_count: 100, obox_max_parallel_deletes: 1000 })
  const uids = Array.from({ length: 1000 }, (_, n) => n + 1)
  await user.append(context, 'INBOX', uids.map((n) => draft(`mail ${n}`)))
  await user.create(context, 'Archive')
  countsOf(store)
  await within(user, 'INBOX', async (mailbox) => {
    await mailbox.copy(context, uids, 'Archive', { move: false })
    const copying = countsOf(store)
    figure(t, `COPY of 1,000 mails: ${JSON.stringify(copying)}`)
    t.match(copying, { copy: 1000, read: undefined })
    t.notOk(copying.write ?? copying.list, 'and nothing else')
    await mailbox.expunge(context, uids)
    while (!store.calls.some((call) => call.startsWith('deleteMany'))) await new Promise((resolve) => { setTimeout(resolve, 5) })
    await user.status(context, 'INBOX')
    const expunging = countsOf(store)
    figure(t, `EXPUNGE of 1,000 mails: ${JSON.stringify(expunging)}`)
    t.same(expunging, { deleteMany: 1 })
  })
  await user.stop(10_000)
})

void t.test('bodies, with fscache', async (t) => {
  const store = new HookedStore()
  const cached = cachedStore(t, { parent: Object.assign(store, { close() {} }) })
  const world = smallWorld(t, { store: cached.store })
  const costs = async (what: string, wanted: string, action: () => Promise<unknown>): Promise<void> => {
    store.operations()
    await action()
    const cost = told(store.operations())
    t.equal(cost, wanted, what)
    figure(t, `${what}: ${cost}`)
  }
  const user = await open(world, delayed)
  const text = 'coo '.repeat(100_000)
  await costs('a delivery', '1 write', () => user.deliver(context, { draft: draft('new', { text }), from: 'a@example.org', to: 'jane@example.org', session: 's' }))
  const { mailbox, close } = await user.open(context, 'INBOX')
  await costs('FETCH of a body just delivered', 'no request', async () => t.match(await textOf(mailbox, 1), /coo coo/))
  await costs('a second FETCH', 'no request', () => textOf(mailbox, 1))
  // Another machine's cache, which has not seen the mail.
  const [key] = (await store.keys()).filter((name) => !name.includes('/idx/'))
  const elsewhere = cachedStore(t, { parent: Object.assign(store, { close() {} }) })
  await costs('a mail downloaded in ten pieces, from another machine', '1 read', async () => {
    for (let at = 0; at < 400_000; at += 40_000) {
      const { body } = await elsewhere.store.read(key!, context, { start: at, end: at + 40_000 })
      for await (const chunk of body) t.ok(chunk.length > 0)
    }
  })
  close()
  await user.stop(10_000)
})

void t.test('bytes of index uploads, of a mailbox of 10,000 mails', async (t) => {
  const world = newWorld(t)
  const { store } = world
  let uploads: number[] = []
  const write = store.write.bind(store)
  store.write = (key, body, ...rest) => {
    if (key.includes('/mailboxes/') && key.includes('/idx/')) uploads.push(body.size)
    return write(key, body, ...rest)
  }
  const seenFlag = { mode: 'add' as const, flags: { system: Flag.Seen, keywords: [] } }
  let user = await open(world, { ...delayed, mail_prefetch_count: 100 })
  for (let n = 0; n < 10; n++) await user.append(context, 'INBOX', Array.from({ length: 1000 }, (_, at) => draft(`mail ${n}/${at}`)))
  await user.flush()
  const whole = Math.max(...uploads)
  const costs = async (what: string, most: number, puts: number, action: () => Promise<unknown>): Promise<void> => {
    uploads = []
    await action()
    await user.flush()
    const bytes = uploads.reduce((sum, one) => sum + one, 0)
    t.equal(uploads.length, puts)
    t.ok(bytes <= most, `${what}: ${bytes} bytes`)
    figure(t, `${what}: ${bytes} bytes uploaded in ${puts} PUT (a whole bundle: ${whole})`)
  }
  await costs('one flag', 300, 1, () => within(user, 'INBOX', (inbox) => inbox.store(context, [5000], seenFlag)))
  await costs('ten deliveries', 12_000, 1, async () => { for (let n = 0; n < 10; n++) await user.append(context, 'INBOX', [draft(`more ${n}`)]) })
  // More than limits.bundleDiffBytes: a head of its own follows.
  await costs('expunge of 1,000', 80_000, 2, () => within(user, 'INBOX', (inbox) => inbox.expunge(context, Array.from({ length: 1000 }, (_, n) => n + 1))))
  await costs('\\Seen on all', 80_000, 2, () => within(user, 'INBOX', (inbox) => inbox.store(context, Array.from({ length: 11_000 }, (_, n) => n + 1), seenFlag)))
  await costs('one flag after that', 300, 1, () => within(user, 'INBOX', (inbox) => inbox.store(context, [5000], { ...seenFlag, mode: 'remove' })))
  uploads = []
  for (let n = 0; n < 200; n++) {
    await within(user, 'INBOX', (inbox) => inbox.store(context, [2000 + n], { ...seenFlag, mode: 'remove' }))
    await user.flush()
  }
  const mean = uploads.reduce((sum, one) => sum + one, 0) / uploads.length
  t.ok(mean < whole / 100, `200 flags, an upload each: ${mean} bytes each`)
  figure(t, `200 flags one after the other: ${Math.round(mean)} bytes uploaded each`)
  await user.stop(30_000)

  const elsewhere = newWorld(t, store)
  store.operations()
  user = await open(elsewhere, delayed)
  await within(user, 'INBOX', async (inbox) => { t.equal(inbox.messages.count, 9010) })
  const cost = told(store.operations())
  t.match(cost, /^[34] read, 1 write$/, 'a login without local state, and SELECT, where there are diffs')
  figure(t, `login and SELECT of it without local state: ${cost}`)
  await user.stop(30_000)
})
