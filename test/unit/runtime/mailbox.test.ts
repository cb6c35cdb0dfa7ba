// The mailbox: order, its bound, and what can be seen of it.

import t from 'tap'
import type { Actor } from '../../../runtime/actor.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { Mailbox } from '../../../runtime/mailbox.ts'

const clock = { time: 0, now: () => clock.time, monotonic: () => clock.time }

/** Records when each message begins; each ends when the test says so. */
class Recorder implements Actor<string, string> {
  readonly concurrent: boolean
  readonly begun: string[] = []
  readonly ends = new Map<string, { resolve(answer: string): void; reject(error: Error): void }>()
  constructor(concurrent = false) { this.concurrent = concurrent }
  receive(message: string): Promise<string> {
    this.begun.push(message)
    return new Promise((resolve, reject) => { this.ends.set(message, { resolve, reject }) })
  }
  async stop(): Promise<void> {}
  describe(): { kind: string; name: string } { return { kind: 'recorder', name: 'r' } }
}

void t.test('one at a time, in order; a failure is the asker\'s alone', async (t) => {
  const actor = new Recorder()
  const mailbox = new Mailbox(actor, clock)
  const [one, two, three] = ['1', '2', '3'].map((message) => mailbox.send(message))
  t.same(actor.begun, ['1'])
  t.equal(mailbox.length, 3)
  actor.ends.get('1')!.resolve('first')
  t.equal(await one, 'first')
  t.same(actor.begun, ['1', '2'])
  actor.ends.get('2')!.reject(new Error('broken'))
  await t.rejects(two!, { message: 'broken' })
  actor.ends.get('3')!.resolve('third')
  t.equal(await three, 'third')
  t.equal(mailbox.length, 0)
})

void t.test('an actor that throws at once does not stop the queue', async (t) => {
  const actor: Actor<string, string> = { receive: (m) => { if (m === 'bad') throw new Error('bad'); return m }, stop: async () => {}, describe: () => ({ kind: 'k', name: 'n' }) }
  const mailbox = new Mailbox(actor, clock)
  const bad = mailbox.send('bad')
  const good = mailbox.send('good')
  await t.rejects(bad, { message: 'bad' })
  t.equal(await good, 'good')
})

void t.test('the age of the oldest message', (t) => {
  const actor = new Recorder()
  const mailbox = new Mailbox(actor, clock)
  void mailbox.send('1')
  clock.time = 100
  void mailbox.send('2')
  clock.time = 350
  void mailbox.send('3')
  t.equal(mailbox.oldestAgeMs, 250, 'the one that runs does not count')
  t.end()
})

for (const concurrent of [false, true]) {
  void t.test(`the bound (${concurrent ? 'concurrent' : 'one at a time'})`, async (t) => {
    const actor = new Recorder(concurrent)
    const mailbox = new Mailbox(actor, clock, 2)
    const first = mailbox.send('1')
    void mailbox.send('2')
    t.same(actor.begun, concurrent ? ['1', '2'] : ['1'])
    await t.rejects(mailbox.send('3'), new TempFail('too many messages wait for r'))
    actor.ends.get('1')!.resolve('')
    await first
    void mailbox.send('4')
    t.equal(mailbox.length, 2, 'there is room again')
  })
}
