// When index bundles go up: important changes in time, new mails when there are many, everything on demand; old bundles go.

import fs from 'node:fs'
import t from 'tap'
import { Flag } from '../../../actors/user/types.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { context, draft, newWorld, open, overFiles, within } from './fixture.ts'
import type { HookedStore } from './hooked-store.ts'

const seen = { mode: 'add' as const, flags: { system: Flag.Seen, keywords: [] } }
/** Bundles of mailboxes that were written since this was last asked. */
const uploads = (store: HookedStore): number =>
  store.calls.splice(0).filter((call) => call.startsWith('write') && call.includes('/mailboxes/') && call.includes('/idx/')).length

/** Resolves at the next write of a mailbox's bundle. */
const nextUpload = (store: HookedStore): Promise<void> => new Promise((resolve) => {
  const alive = setInterval(() => {}, 1000)
  store.before = (operation, key) => {
    if (operation !== 'write' || !key.includes('/mailboxes/') || !key.includes('/idx/')) return
    clearInterval(alive)
    store.before = () => {}
    resolve()
  }
})

t.test('a flag change is uploaded within metacache_upload_interval', async (t) => {
  const world = newWorld(t)
  const user = await open(world, { metacache_upload_interval: 5 })
  await user.append(context, 'INBOX', [draft('a')])
  const uploaded = nextUpload(world.store)
  await within(user, 'INBOX', (inbox) => inbox.store(context, [1], seen))
  await uploaded
  await user.stop(5000)
})

t.test('so are more than obox_max_rescan_mail_count new mails, but not fewer', async (t) => {
  const world = newWorld(t)
  const user = await open(world, { obox_max_rescan_mail_count: 2 })
  await user.append(context, 'INBOX', [draft('a'), draft('b')])
  await user.stop(5000)
  t.equal(uploads(world.store), 0)
  const again = await open(world, { obox_max_rescan_mail_count: 2 })
  await again.append(context, 'INBOX', [draft('c')])
  await again.stop(5000)
  t.equal(uploads(world.store), 1, 'those before the restart count too')
  const third = await open(world, { obox_max_rescan_mail_count: 2 })
  await third.append(context, 'INBOX', [draft('d')])
  await third.stop(5000)
  t.equal(uploads(world.store), 0, 'and those in the bundle do not')
})

t.test('metacache_delay_uploads = no: at every close', async (t) => {
  const world = newWorld(t)
  const user = await open(world, { metacache_delay_uploads: false })
  await user.append(context, 'INBOX', [draft('a')])
  await user.stop(5000)
  t.equal(uploads(world.store), 1)
})

/** As kill -9 leaves it: INBOX and Work were changed, and never closed. */
async function crashed(t: Parameters<typeof newWorld>[0]): Promise<{ world: ReturnType<typeof newWorld>; end(): Promise<void> }> {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'Work')
  for (const name of ['INBOX', 'Work']) await user.append(context, name, [draft('a', { flags: seen.flags })])
  fs.cpSync(`${world.directory}/jane`, `${world.directory}/crash/jane`, { recursive: true })
  world.store.calls = []
  return { world: { ...world, directory: `${world.directory}/crash` }, end: () => user.stop(5000) }
}

t.test('what a crash has left of mailboxes that nobody opens is uploaded by a stop, and by a flush', async (t) => {
  for (const last of ['stop', 'flush'] as const) {
    const { world, end } = await crashed(t)
    const user = await open(world)
    if (last === 'flush') await user.flush()
    else await user.stop(5000)
    t.equal(uploads(world.store), 2, last)
    await user.stop(5000)
    await end()
  }
})

t.test('and within metacache_upload_interval', async (t) => {
  const { world, end } = await crashed(t)
  const user = await open(world, { metacache_upload_interval: 1 }, { limits: { mailboxIdleMs: 10 } })
  user.attach({ id: 's', service: 'imap', closing() {} })
  await nextUpload(world.store)
  await nextUpload(world.store)
  await user.stop(5000)
  await end()
})

t.test('a mailbox whose figures could not be kept when it was closed is uploaded by a stop', async (t) => {
  const world = newWorld(t)
  let full = false
  const { files } = world.effects
  const effects = { ...world.effects, files: overFiles(files, { append: async (...args) => { if (full) throw new TempFail('no space left'); return files.append(...args) } }) }
  const user = await open({ ...world, effects }, {}, { limits: { mailboxIdleMs: 0 } })
  await user.append(context, 'INBOX', [draft('a', { flags: seen.flags })])
  await within(user, 'INBOX', async () => { full = true })
  while (!world.log.some(({ name }) => name === 'user.figures_lost')) await new Promise((resolve) => { setTimeout(resolve, 5) })
  full = false
  uploads(world.store)
  await user.stop(5000)
  t.equal(uploads(world.store), 1)
})

t.test('flush uploads everything once, of closed mailboxes too', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.create(context, 'x')
  await user.append(context, 'x', [draft('a')])
  await user.stop(5000)
  const again = await open(world)
  await again.append(context, 'INBOX', [draft('a')])
  uploads(world.store)
  await again.flush()
  t.equal(uploads(world.store), 2)
  await again.flush()
  t.same(world.store.operations(), [])
  await again.append(context, 'INBOX', [draft('b')])
  await again.flush()
  t.equal((await world.store.keys()).filter((key) => key.includes('/idx/')).length, 4, 'of each place the newest bundle only, and the manifest with its copy')
  world.store.before = () => { throw new TempFail('away') }
  await within(again, 'INBOX', (inbox) => inbox.store(context, [1], seen))
  await t.rejects(again.flush(), { name: 'TempFail' })
  await again.stop(5000)
  t.ok(world.log.some(({ name }) => name === 'metacache.upload_failed'))
  world.store.before = () => {}
  const third = await open(world)
  uploads(world.store)
  await third.flush()
  t.equal(uploads(world.store), 1, 'a failed upload is not forgotten')
  await third.stop(5000)
})

t.test('an append that needs the UIDs of an upload in the background makes it one that somebody waits for', async (t) => {
  const world = newWorld(t)
  const user = await open(world, { metacache_upload_interval: 1 }, { limits: { uidReserveBundle: 2 } })
  await user.append(context, 'INBOX', [draft('a')])
  await user.flush()
  const write = world.store.write.bind(world.store)
  let held = false
  const uploading = new Promise<{ hurry: AbortSignal; goOn(): void }>((resolve) => {
    world.store.write = async (key, body, asked, options) => {
      if (!held && asked.reason === 'metacache:upload_mailbox') await new Promise<void>((goOn) => { held = true; resolve({ hurry: asked.hurry!, goOn }) })
      return write(key, body, asked, options)
    }
  })
  const alive = setInterval(() => {}, 1000)
  await within(user, 'INBOX', (inbox) => inbox.store(context, [1], seen))
  const { hurry, goOn } = await uploading
  await user.append(context, 'INBOX', [draft('b'), draft('c')])
  t.equal(hurry.aborted, false, 'what is reserved already needs no haste')
  hurry.addEventListener('abort', goOn)
  t.match(await user.append(context, 'INBOX', [draft('d')]), { uids: [4] })
  t.equal(hurry.aborted, true)
  clearInterval(alive)
  await user.stop(5000)
})

t.test('so does a new mailbox with an upload of the mailbox list', async (t) => {
  const world = newWorld(t)
  const user = await open(world, { metacache_upload_interval: 1 })
  const write = world.store.write.bind(world.store)
  let held = false
  const uploading = new Promise<{ hurry: AbortSignal; goOn(): void }>((resolve) => {
    world.store.write = async (key, body, asked, options) => {
      if (!held && asked.reason === 'metacache:upload_root') await new Promise<void>((goOn) => { held = true; resolve({ hurry: asked.hurry!, goOn }) })
      return write(key, body, asked, options)
    }
  })
  const alive = setInterval(() => {}, 1000)
  await user.subscribe(context, 'Work')
  const { hurry, goOn } = await uploading
  hurry.addEventListener('abort', goOn)
  await user.create(context, 'Work')
  t.equal(hurry.aborted, true)
  clearInterval(alive)
  await user.stop(5000)
})

t.test('a change during an upload waits for the next one', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a')])
  await within(user, 'INBOX', async (inbox) => {
    world.store.before = async (operation, key) => {
      if (operation !== 'write' || !key.includes('/idx/')) return
      world.store.before = () => {}
      await inbox.store(context, [1], seen)
    }
    await user.flush()
  })
  await user.flush()
  const other = await open(newWorld(t, world.store))
  t.match(await other.status(context, 'INBOX'), { unseen: 0 })
  await other.stop(5000)
  await user.stop(5000)
})

t.test('stop does not wait longer than it may', async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  await user.append(context, 'INBOX', [draft('a', { flags: { system: Flag.Seen, keywords: [] } })])
  world.store.before = () => new Promise<void>(() => {})
  const alive = setInterval(() => {}, 1000)
  await user.stop(1)
  clearInterval(alive)
  t.ok(world.log.some(({ name }) => name === 'user.stop_unclean'))
})

t.test('a mailbox that could not be loaded to the end leaves nobody behind who uploads it', async (t) => {
  const a = newWorld(t)
  const loser = await open(a)
  await loser.append(context, 'INBOX', [draft('one')])
  await loser.flush()
  const winner = await open(newWorld(t, a.store))
  await within(loser, 'INBOX', (inbox) => inbox.store(context, [1], { mode: 'add', flags: { system: Flag.Flagged, keywords: [] } }))
  await t.rejects(loser.create(context, 'New'), 'it has lost the user')
  await loser.stop(5000)
  let failing = 0
  // What merging what the loser left has to upload: the first time it cannot.
  a.store.before = (operation, key) => { if (operation === 'write' && key.endsWith('/idx/head') && failing++ === 0) throw new TempFail('503') }
  const third = await open(newWorld(t, a.store), { metacache_upload_interval: 20 })
  await t.rejects(within(third, 'INBOX', async () => {}), { name: 'TempFail' })
  a.store.calls = []
  // Nor is it loaded anew meanwhile.
  a.store.before = (operation, key) => { if (operation === 'read' && key.includes('/orphan.')) throw new TempFail('503') }
  await new Promise((resolve) => { setTimeout(resolve, 100) })
  t.same(a.store.calls.filter((call) => call.startsWith('write') && call.includes('/mailboxes/')), [], 'nobody uploads')
  a.store.before = () => {}
  await within(third, 'INBOX', async (inbox) => { t.equal(inbox.messages.flags[0], Flag.Flagged) })
  await third.stop(5000)
  await winner.stop(5000)
})
