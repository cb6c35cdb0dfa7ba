// The supervisor: restarts, growing pauses, and a stop that leaves nothing running.

import t from 'tap'
import type { LogEvent } from '../../../runtime/events.ts'
import { Supervisor } from '../../../runtime/supervisor.ts'
import type { Child, Supervised } from '../../../runtime/supervisor.ts'
import { ManualTime } from '../../fixtures/imap-session.ts'

class Thread implements Child {
  readonly ended: Promise<string>
  stopped = false
  die!: (reason: string) => void
  constructor() { this.ended = new Promise((resolve) => { this.die = resolve }) }
  async stop(): Promise<void> {
    this.stopped = true
    this.die('stopped')
  }
}

function world(options: { start?: (attempt: number) => Promise<void> } = {}) {
  const time = new ManualTime()
  const log: LogEvent[] = []
  const started: Thread[] = []
  const lost: string[] = []
  let attempts = 0
  const what: Supervised<Thread> = {
    name: 'thread',
    async start() {
      await options.start?.(++attempts)
      const thread = new Thread()
      started.push(thread)
      return thread
    },
    lost: (_child, reason) => { lost.push(reason) },
  }
  const clock = { now: () => time.now, monotonic: () => time.now }
  return { supervisor: new Supervisor({ clock, timers: time, emit: (event) => { log.push(event) } }, what), time, log, started, lost }
}

/** Lets promises settle. */
const settled = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

void t.test('a first start that fails is the caller\'s', async (t) => {
  const { supervisor, time } = world({ start: async () => { throw new Error('no such directory') } })
  await t.rejects(supervisor.start(), { message: 'no such directory' })
  t.equal(time.count, 0, 'and is not tried again')
})

void t.test('what dies is told, and started again', async (t) => {
  const { supervisor, time, log, started, lost } = world()
  await supervisor.start()
  started[0]!.die('out of memory')
  await settled()
  t.equal(supervisor.child, undefined)
  t.same(lost, ['out of memory'])
  time.pass(50)
  await settled()
  t.equal(supervisor.child, started[1])
  t.same(log.map(({ name, text }) => `${name}: ${text}`), ['supervisor.died: thread died: out of memory', 'supervisor.restarted: thread runs again'])
})

void t.test('the pause grows while it keeps dying, up to ten seconds, and begins anew once it has lived', async (t) => {
  const { supervisor, time, started } = world()
  await supervisor.start()
  const pauses: number[] = []
  const pauseAfterDeath = async (): Promise<number> => {
    const count = started.length
    started.at(-1)!.die('again')
    await settled()
    let pause = 0
    for (; started.length === count; pause += 50) {
      time.pass(50)
      await settled()
    }
    return pause
  }
  for (let death = 0; death < 10; death++) pauses.push(await pauseAfterDeath())
  t.same(pauses, [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  time.pass(61_000)
  t.equal(await pauseAfterDeath(), 50)
})

void t.test('a restart that fails is tried again', async (t) => {
  const { supervisor, time, log, started } = world({ start: async (attempt) => { if (attempt === 2) throw new Error('not yet') } })
  await supervisor.start()
  started[0]!.die('gone')
  await settled()
  time.pass(50)
  await settled()
  t.match(log.at(-1), { name: 'supervisor.start_failed', text: 'thread did not start: not yet' })
  time.pass(100)
  await settled()
  t.equal(supervisor.child, started[1])
})

void t.test('stop', async (t) => {
  const { supervisor, time, log, started, lost } = world()
  await supervisor.start()
  await supervisor.stop(1000)
  t.ok(started[0]!.stopped)
  t.same([time.count, log.length, lost.length], [0, 0, 0], 'an end that was asked for is no death')
})

void t.test('stop between death and restart', async (t) => {
  const { supervisor, time, started } = world()
  await supervisor.start()
  started[0]!.die('gone')
  await settled()
  await supervisor.stop(1000)
  time.pass(60_000)
  await settled()
  t.equal(started.length, 1)
})

void t.test('stop while it is being started again: the new one is stopped too', async (t) => {
  const starting = Promise.withResolvers<void>()
  const { supervisor, time, started } = world({ start: (attempt) => (attempt === 2 ? starting.promise : Promise.resolve()) })
  await supervisor.start()
  started[0]!.die('gone')
  await settled()
  time.pass(50)
  const stopping = supervisor.stop(1000)
  starting.resolve()
  await stopping
  t.equal(started.length, 2)
  t.ok(started[1]!.stopped)
})

void t.test('stop while it is being started again, in vain', async (t) => {
  const starting = Promise.withResolvers<void>()
  const { supervisor, time, started } = world({ start: (attempt) => (attempt === 2 ? starting.promise : Promise.resolve()) })
  await supervisor.start()
  started[0]!.die('gone')
  await settled()
  time.pass(50)
  const stopping = supervisor.stop(1000)
  starting.reject(new Error('no'))
  await stopping
  t.equal(time.count, 0, 'and it is not tried again')
})
