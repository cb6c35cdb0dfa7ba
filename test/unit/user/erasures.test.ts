// What a deleted mailbox leaves in a store whose listings lag, or where something comes late: it is deleted by a second look,
// in this life or the next, and brings no mailbox back.

import t from 'tap'
import type { ListOptions, ListPage, RequestContext } from '../../../runtime/effects.ts'
import { context, draft, newWorld, open } from './fixture.ts'
import { HookedStore } from './hooked-store.ts'

// The timers of the engine keep no process.
const awake = setInterval(() => {}, 1000)
t.teardown(() => { clearInterval(awake) })

/** Its listings do not know of keys that are hidden. */
class LaggingStore extends HookedStore {
  hidden: (key: string) => boolean = () => false
  override async list(prefix: string, context: RequestContext, options?: ListOptions): Promise<ListPage> {
    const page = await super.list(prefix, context, options)
    return { ...page, objects: page.objects.filter(({ key }) => !this.hidden(key)) }
  }
}

const soon = { limits: { secondLookMs: 100, mailboxIdleMs: 10, userIdleMs: 10 } }

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  for (let waits = 0; waits < 2000; waits++) {
    if (await done()) return
    await new Promise((resolve) => { setTimeout(resolve, 5) })
  }
  throw new Error('it has not happened')
}

/** Listings of one mailbox since the last call. */
function listings(store: HookedStore, guid: string): number {
  return store.calls.splice(0).filter((call) => call.startsWith('list ') && call.includes(guid)).length
}

void t.test('what no listing knew when its mailbox was deleted is deleted when it does', async (t) => {
  const store = new LaggingStore()
  const user = await open(newWorld(t, store), {}, soon)
  const { guid = '' } = await user.create(context, 'Work')
  await user.append(context, 'Work', [draft('one'), draft('two')])
  store.hidden = (key) => key.includes(guid)
  listings(store, guid)
  await user.delete(context, 'Work')
  await until(() => store.calls.some((call) => call.startsWith('list ') && call.includes(guid)))
  const left = async (): Promise<number> => (await store.keys()).filter((key) => key.includes(guid)).length
  t.equal(await left(), 2)
  store.hidden = () => false
  await until(async () => await left() === 0)
  await user.stop(5000)
  listings(store, guid)
  await (await open(newWorld(t, store), {}, soon)).stop(5000)
  t.equal(listings(store, guid), 0, 'and that is that')
})

void t.test('the second look is taken in the next life, where the first was too short, and at once where that was long ago', async (t) => {
  const store = new LaggingStore()
  const world = newWorld(t, store)
  const user = await open(world)
  const { guid = '' } = await user.create(context, 'Work')
  await user.append(context, 'Work', [draft('one')])
  store.hidden = (key) => key.includes(guid)
  await user.delete(context, 'Work')
  await user.stop(5000)
  store.hidden = () => false
  const left = async (): Promise<number> => (await store.keys()).filter((key) => key.includes(guid)).length
  listings(store, guid)
  await (await open(world)).stop(5000)
  t.equal(listings(store, guid), 0, 'its opening asks for nothing')
  t.equal(await left(), 1)
  const later = await open(world, {}, { limits: { eraseAgainMs: 0 } })
  await until(async () => await left() === 0)
  t.equal(listings(store, guid), 1)
  await later.stop(5000)
})

void t.test('a former owner that has a deleted mailbox in its list brings back nothing, whatever listings did not know of it', async (t) => {
  const store = new LaggingStore()
  const a = newWorld(t, store)
  const former = await open(a)
  const { guid = '' } = await former.create(context, 'Work')
  await former.append(context, 'Work', [draft('one')])
  const b = newWorld(t, store)
  const owner = await open(b, {}, soon)
  store.hidden = (key) => key.includes(guid)
  await owner.delete(context, 'Work')
  await until(() => store.calls.some((call) => call.startsWith('list ') && call.includes(guid)))
  store.hidden = () => false
  await until(async () => (await store.keys()).every((key) => !key.includes(guid)))
  await owner.stop(5000)
  await former.stop(5000)
  const again = await open(a)
  t.notOk(again.find('Work'))
  await again.stop(5000)
})
