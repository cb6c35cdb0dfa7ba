// Uploads in the background: they let everything else go first, never stop altogether, and are so many at most.

import t from 'tap'
import { FairQueue } from '../../../workers/storage/fair-queue.ts'
import type { Pace } from '../../../workers/storage/fair-queue.ts'

/** A queue, and jobs of it that end when they are told to. */
function bench(running: number, background: number) {
  const queue = new FairQueue({ running, background, perUser: { read: 10, write: 10, copy: 10, delete: 10 } })
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const ask = (name: string, background = false): Pace => {
    const pace = { background }
    void queue.run(name, 'write', undefined, () => new Promise<void>((resolve) => {
      begun.push(name)
      ends.set(name, resolve)
    }), pace)
    return pace
  }
  const end = async (name: string): Promise<void> => {
    ends.get(name)!()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })
  return { queue, begun, ask, end, settle }
}

t.test('of background requests so many run at most, and others go first', async (t) => {
  const { queue, begun, ask, end, settle } = bench(3, 2)
  for (const name of ['up1', 'up2', 'up3', 'up4']) ask(name, true)
  await settle()
  t.same(begun, ['up1', 'up2'], 'there is room for a third, but not for one of these')
  ask('client1')
  ask('client2')
  await settle()
  t.same(begun.slice(2), ['client1'])
  await end('up1')
  t.same(begun.slice(3), ['client2'], 'a client goes before the upload that waited longer')
  await end('client1')
  t.same(begun.slice(4), ['up3'])
  for (const name of ['up2', 'up3', 'client2']) await end(name)
  await end('up4')
  await queue.idle()
})

t.test('one always goes on, however much else there is', async (t) => {
  const { queue, begun, ask, end, settle } = bench(1, 1)
  for (const name of ['client1', 'client2', 'client3']) ask(name)
  ask('up1', true)
  ask('client4')
  await settle()
  for (const name of ['client1', 'client2', 'client3', 'up1']) await end(name)
  await end('client4')
  t.same(begun, ['client1', 'client2', 'client3', 'up1', 'client4'], 'in the order of turns')
  await queue.idle()
})

t.test('one that somebody has come to wait for goes before those that wait behind', async (t) => {
  const { queue, begun, ask, end, settle } = bench(3, 1)
  ask('up1', true)
  ask('up2', true)
  const awaited = ask('up3', true)
  await settle()
  t.same(begun, ['up1'])
  awaited.background = false
  queue.pump()
  await settle()
  t.same(begun, ['up1', 'up3'])
  await end('up3')
  t.same(begun, ['up1', 'up3'], 'and takes nobody along')
  await end('up1')
  t.same(begun, ['up1', 'up3', 'up2'])
  await end('up2')
  await queue.idle()
})

t.test('at the end of the server they may all run', async (t) => {
  const { queue, begun, ask, end, settle } = bench(4, 1)
  for (const name of ['up1', 'up2', 'up3']) ask(name, true)
  await settle()
  t.same(begun, ['up1'])
  queue.limits = { ...queue.limits, background: 4 }
  queue.pump()
  await settle()
  t.same(begun, ['up1', 'up2', 'up3'])
  for (const name of begun) await end(name)
  await queue.idle()
})
