// The lock of conditional writes to files: one holder at a time, and none that is dead.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ConditionFailed } from '../../../runtime/errors.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import { bodyOf } from '../../../workers/storage/body.ts'

const context = { user: 'dove', reason: 'test' }

/** What holds a lock in this place, with another process number. */
const holderOf = (pid: number): string => `${fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${fs.readlinkSync('/proc/self/ns/pid')}/${pid}`

/** A store, and the place of the lock on its object `k`. */
async function storeWithLock(directory: string) {
  const store = buildStack(`posix:prefix=${directory}/`)
  const { etag } = await store.write('k', bodyOf(Buffer.from('1')), context)
  // The lock's name is seen where it is taken.
  const names = new Set<string>()
  const watcher = fs.watch(path.join(directory, '.tmp'), (_, name) => { if (name?.startsWith('lock-') === true && !name.includes('breaking')) names.add(name) })
  const written = await store.write('k', bodyOf(Buffer.from('2')), context, { condition: { ifMatch: etag } })
  while (names.size === 0) await once(watcher, 'change')
  watcher.close()
  return { store, etag: written.etag, lock: path.join(directory, '.tmp', [...names][0]!) }
}

t.test('who was killed while it held a lock keeps nobody waiting', async (t) => {
  const { store, etag, lock } = await storeWithLock(t.testdir())
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  fs.symlinkSync(holderOf(child.pid!), lock)
  const began = performance.now()
  const writes = await Promise.allSettled(Array.from({ length: 5 }, (_, n) => store.write('k', bodyOf(Buffer.from(String(n))), context, { condition: { ifMatch: etag } })))
  t.ok(performance.now() - began < 20_000, 'not until the lock is old')
  t.equal(writes.filter(({ status }) => status === 'fulfilled').length, 1, 'and one of many writes succeeds')
  t.ok(writes.every((one) => one.status === 'fulfilled' || one.reason instanceof ConditionFailed))
  t.same(fs.readdirSync(path.dirname(lock)), [], 'nothing is left')
  store.close()
})

t.test('who lives, or runs elsewhere, is waited for', async (t) => {
  for (const holder of [holderOf(process.pid), `elsewhere/pid:[1]/${2 ** 30}`]) {
    const directory = t.testdir()
    const { store, etag, lock } = await storeWithLock(directory)
    fs.symlinkSync(holder, lock)
    let done = false
    const writing = store.write('k', bodyOf(Buffer.from('3')), context, { condition: { ifMatch: etag } }).then(() => { done = true })
    // Long enough for many tries.
    for (let n = 0; n < 20; n++) await new Promise((resolve) => { setTimeout(resolve, 5) })
    t.notOk(done, 'it is held')
    t.equal(fs.readlinkSync(lock), holder)
    fs.rmSync(lock)
    while (!done) await new Promise((resolve) => { setTimeout(resolve, 5) })
    await writing
    store.close()
  }
})

t.test('of two processes that make the same object at once, the metadata there is are those of the one that made it', async (t) => {
  const directory = t.testdir()
  // Each knows nothing of the other's writers, as in a process of its own.
  const stores = ['a', 'b'].map((name) => ({ name, store: buildStack(`posix:prefix=${directory}/:no-fsync`) }))
  // Who waits for a lock keeps no process running.
  const running = setInterval(() => {}, 1000)
  t.teardown(() => { clearInterval(running) })
  for (let n = 0; n < 100; n++) {
    const key = `user/idx/manifest${n}`
    const writes = await Promise.allSettled(stores.map(({ name, store }) => store.write(key, bodyOf(Buffer.from(name)), context, { metadata: { owner: name }, condition: { ifAbsent: true } })))
    const made = stores.filter((_, at) => writes[at]!.status === 'fulfilled').map(({ name }) => name)
    if (made.length !== 1) return t.fail(`${made.length} have made ${key}`)
    for (const { store } of stores) if ((await store.stat(key, context)).metadata['owner'] !== made[0]) return t.fail(`${key} was made by ${made[0]} and carries the metadata of the other`)
  }
  t.pass('each time')
})
