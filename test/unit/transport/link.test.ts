import t from 'tap'
import { setTimeout as sleepTimer, clearTimeout, setImmediate } from 'node:timers'
import { MessageChannel, Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { Link, transferred } from '../../../runtime/transport.ts'
import { registerError } from '../../../runtime/error-crossing.ts'
import type { LinkOptions, PortLike } from '../../../runtime/transport.ts'
import type { Timers } from '../../../runtime/effects.ts'
import { limits } from '../../../runtime/limits.ts'
import { Bug, Cancelled, ConditionFailed, LimitExceeded, ObjectNotFound, TempFail } from '../../../runtime/errors.ts'

const timers: Timers = {
  after: (ms, action) => {
    const timer = sleepTimer(action, ms)
    return () => clearTimeout(timer)
  },
}

const pair = (options: Partial<LinkOptions> = {}): { near: Link; far: Link; posts: () => number } => {
  const { port1, port2 } = new MessageChannel()
  let posts = 0
  const counted: PortLike = {
    postMessage: (value, transfer) => { posts++; port1.postMessage(value, transfer as []) },
    on: (event: string, listener: (value: any) => void) => port1.on(event, listener),
    close: () => port1.close(),
  }
  const near = new Link(counted, { timers, ...options })
  const far = new Link(port2, { timers })
  t.teardown(() => { near.close(); far.close() })
  return { near, far, posts: () => posts }
}

t.test('all that is said in a turn crosses in one message, in order', async (t) => {
  const { near, far, posts } = pair({ turn: setImmediate })
  const heard: number[] = []
  far.handle('numbers', { tell: (n) => { heard.push(n) }, ask: () => [...heard] })
  for (let n = 0; n < 1000; n++) near.tell('numbers', n)
  t.same(await near.ask('numbers', 'all?'), Array.from({ length: 1000 }, (_, n) => n))
  t.equal(posts(), 1)
})

t.test('what can wait goes along with what is said next', async (t) => {
  const { near, far, posts } = pair({ turn: setImmediate })
  const heard: string[] = []
  far.handle('words', { tell: (word) => { heard.push(word) }, ask: () => [...heard] })
  near.note('words', 'one')
  near.note('words', 'two')
  await new Promise((resolve) => { setImmediate(resolve) })
  t.equal(posts(), 0)
  near.tell('words', 'three')
  near.note('words', 'four')
  t.same(await near.ask('words', 'all?'), ['one', 'two', 'three', 'four'])
  t.equal(posts(), 1)
})

t.test('what can wait does not wait for ever, nor in any number', async (t) => {
  const due: (() => void)[] = []
  let cancelled = 0
  const { near, far, posts } = pair({ timers: { after: (_, action) => { due.push(action); return () => { cancelled++ } } }, turn: setImmediate })
  const last = Promise.withResolvers<void>()
  const heard: number[] = []
  far.handle('numbers', { tell: (n) => { if (heard.push(n) === limits.linkNotes + 2) last.resolve() } })
  near.note('numbers', 0)
  t.equal(due.length, 1)
  due[0]!()
  t.equal(posts(), 1, 'at the latest then')
  for (let n = 1; n <= limits.linkNotes; n++) near.note('numbers', n)
  await new Promise((resolve) => { setImmediate(resolve) })
  t.equal(posts(), 2, 'many are said at once')
  t.equal(cancelled, 2, 'and no timer is left behind')
  near.note('numbers', limits.linkNotes + 1)
  near.close()
  await last.promise
  t.same(heard, Array.from({ length: limits.linkNotes + 2 }, (_, n) => n), 'the last before the end is heard, too')
})

t.test('buffers are moved, both ways', async (t) => {
  const { near, far } = pair()
  far.handle('upper', { ask: (bytes: Uint8Array) => { const back = bytes.map((b) => b - 32); return transferred(back, [back.buffer]) } })
  const bytes = new TextEncoder().encode('dove')
  const back = await near.ask<Uint8Array>('upper', bytes, { transfer: [bytes.buffer] })
  t.equal(new TextDecoder().decode(back), 'DOVE')
  t.equal(bytes.byteLength, 0, 'the sender has given its buffer away')
})

t.test('errors keep class and fields', async (t) => {
  class Odd extends Error {
    override readonly name = 'Odd'
    readonly code: number
    constructor(code: number) { super(`odd ${code}`); this.code = code }
  }
  registerError('Odd', (e: Odd) => e.code, (code) => new Odd(code))
  const errors: Record<string, Error> = {
    missing: new ObjectNotFound('a/b'), changed: new ConditionFailed('a/c'), away: new TempFail('store away'),
    full: new LimitExceeded('storageQueue', 'too many'), odd: new Odd(7), bug: new RangeError('no'),
  }
  const { near, far } = pair()
  far.handle('fail', { ask: (which: string) => { throw errors[which] } })
  await t.rejects(near.ask('fail', 'missing'), ObjectNotFound)
  await t.rejects(near.ask('fail', 'changed'), ConditionFailed)
  await t.rejects(near.ask('fail', 'away'), new TempFail('store away'))
  const full = await near.ask('fail', 'full').catch((e: unknown) => e)
  t.ok(full instanceof LimitExceeded && full.limit === 'storageQueue')
  const odd = await near.ask('fail', 'odd').catch((e: unknown) => e)
  t.ok(odd instanceof Odd && odd.code === 7)
  const bug = await near.ask('fail', 'bug').catch((e: unknown) => e)
  t.ok(bug instanceof Bug && bug.message.includes('RangeError: no'))
  const nobody = await near.ask('nowhere', 1).catch((e: unknown) => e)
  t.ok(nobody instanceof Bug)
})

t.test('deadline, abort and the other side hearing of it', async (t) => {
  const { near, far } = pair()
  const aborted: string[] = []
  const heard: (() => void)[] = []
  far.handle('slow', { ask: (name: string, asking) => new Promise(() => {
    asking.signal.addEventListener('abort', () => { aborted.push(name); heard.shift()?.() })
  }) })
  const told = (): Promise<void> => new Promise((resolve) => { heard.push(resolve) })
  const first = told()
  await t.rejects(near.ask('slow', 'deadline', { deadlineMs: 5 }), TempFail)
  await first
  const second = told()
  const controller = new AbortController()
  const asked = near.ask('slow', 'abort', { signal: controller.signal })
  await near.ask('nowhere', 1).catch(() => {})
  controller.abort()
  await t.rejects(asked, Cancelled)
  await second
  t.same(aborted, ['deadline', 'abort'])
  t.same(near.load, { asked: 0, answering: 0 })
})

t.test('asks beyond the bound are refused', async (t) => {
  const { near, far } = pair({ maxPending: 2 })
  far.handle('hold', { ask: () => new Promise(() => {}) })
  const held = [near.ask('hold', 1), near.ask('hold', 2)]
  await t.rejects(near.ask('hold', 3), TempFail)
  near.close('enough')
  for (const ask of held) await t.rejects(ask, new TempFail('enough'))
  await t.rejects(near.ask('hold', 4), TempFail)
})

t.test('what cannot be cloned fails alone', async (t) => {
  const bugs: unknown[] = []
  const { near, far } = pair({ onBug: (error) => { bugs.push(error) } })
  far.handle('echo', { ask: (x: unknown) => x })
  const good = near.ask('echo', 'good')
  const bad = near.ask('echo', () => {})
  const other = near.ask('echo', 'other')
  await t.rejects(bad, Bug)
  t.same(await Promise.all([good, other]), ['good', 'other'])
  t.equal(bugs.length, 1)
})

t.test('a thread that dies fails what was asked of it at once', async (t) => {
  const { port1, port2 } = new MessageChannel()
  const source = `import { workerData } from 'node:worker_threads'; workerData.on('message', () => process.exit(1))`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: port2, transferList: [port2] })
  const link = new Link(port1, { timers })
  const closed = new Promise<string>((resolve) => { link.onClose(resolve) })
  await t.rejects(link.ask('anything', 1), TempFail)
  t.equal(await closed, 'the other thread has ended')
  t.notOk(link.open)
  if (worker.threadId !== -1) await once(worker, 'exit')
})
