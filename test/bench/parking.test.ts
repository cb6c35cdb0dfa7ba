// What sessions keep while their clients are silent (imap_hibernate_timeout), in this process, without sockets: live bytes after a
// collection, of sessions that IDLE with a mailbox selected, before and after they are put away.

import v8 from 'node:v8'
import vm from 'node:vm'
import t from 'tap'
import { append, imapEngine } from '../fixtures/imap-engine.ts'
import type { ImapEngine } from '../fixtures/imap-engine.ts'
import { ManualTime } from '../fixtures/imap-session.ts'
import { imapSession } from '../../actors/session/imap/machine.ts'
import type { Session, SessionWorld, Wire } from '../../actors/session/types.ts'
import { loadClients } from '../../conf/clients.ts'
import { defaultSettings } from '../../conf/settings.ts'
import { figure } from './measure.ts'

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc') as () => void

/** Live bytes: of the heap, and of arrays beside it. */
async function liveBytes(): Promise<number> {
  for (let n = 0; n < 4; n++) {
    collect()
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const mailboxes = (engines: readonly ImapEngine[]): number => engines.reduce((sum, { user }) => sum + user.describe().values!['mailboxes']!, 0)

/** Whoever listens to so many sessions holds next to nothing of each. */
class Quiet implements Wire {
  readonly pending = 0
  readonly compressed = false
  bytesIn = 0
  bytesOut = 0
  /** EXISTS told. */
  news = 0
  readonly session: Session

  constructor(world: Omit<SessionWorld, 'wire'>) {
    this.session = imapSession({ ...world, wire: this })
    this.session.start()
  }

  write(bytes: Uint8Array | string): void { if (String(bytes).includes(' EXISTS')) this.news++ }
  drained(): Promise<void> { return Promise.resolve() }
  pause(): void {}
  resume(): void {}
  close(): void {}
  compress(): void {}
  park(): void {}
}

/** Sessions that IDLE with INBOX selected, and their clock. */
async function idle(engines: readonly ImapEngine[], each: number): Promise<{ wires: Quiet[]; time: ManualTime }> {
  const time = new ManualTime()
  const settings = { ...defaultSettings(), auth_mechanisms: ['plain'], imap_idle_notify_interval: 0 }
  const clients = loadClients()
  const wires: Quiet[] = []
  for (const { user, world } of engines) {
    const effects = { ...world.effects, clock: { now: () => Date.now(), monotonic: () => time.now }, timers: { after: time.after }, emit() {} }
    for (let n = 0; n < each; n++) {
      wires.push(new Quiet({
        effects, settings, clients,
        seed: { protocol: 'imap', id: `S${wires.length}`, remote: { ip: '192.0.2.1', port: 5000 }, local: { ip: '192.0.2.2', port: 143 }, secured: true, trusted: false },
        authenticate: () => Promise.resolve({ status: 'ok', account: user.account }), settle: () => Promise.resolve({ here: true, user }),
        handOver() {}, deliver: () => Promise.reject(new Error('not here')), again() {}, startTls() {}, connect: () => Promise.reject(new Error('not here')), passThrough() {}, ended() {},
      }))
      wires.at(-1)!.session.input(Buffer.from('a LOGIN u p\r\nb SELECT INBOX\r\nc IDLE\r\n'))
    }
  }
  while (wires.some(({ news }) => news === 0)) await new Promise((resolve) => { setImmediate(resolve) })
  return { wires, time }
}

/** `users` with so many mails each: live bytes before their sessions idle, while these are awake, and while they sleep. */
async function measure(t: Parameters<typeof imapEngine>[0], { users, mails, sessions }: { users: number; mails: number; sessions: number }): Promise<{ before: number; awake: number; asleep: number }> {
  const engines: ImapEngine[] = []
  for (let n = 0; n < users; n++) {
    const engine = await imapEngine(t, { mail_fsync: 'never', metacache_upload_interval: 1 }, { mailboxIdleMs: 0 })
    engines.push(engine)
    const writer = await engine.login()
    for (let m = 0; m < Math.min(mails, 100); m++) await append(writer)
    await writer.say('SELECT INBOX')
    for (let count = 100; count < mails; count += 100) await writer.say('UID COPY 1:100 INBOX')
    await writer.say('LOGOUT')
  }
  const closed = async (): Promise<void> => { while (mailboxes(engines) > 0) await new Promise((resolve) => { setTimeout(resolve, 2) }) }
  await closed()
  const before = await liveBytes()
  const { wires, time } = await idle(engines, sessions / users)
  const awake = await liveBytes()
  time.pass(30_000)
  await closed()
  const asleep = await liveBytes()
  // They are whole: the next mail is told to each.
  for (const engine of engines) await append(await engine.login())
  while (wires.some(({ news }) => news < 2)) await new Promise((resolve) => { setImmediate(resolve) })
  return { before, awake, asleep }
}

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`

void t.test('1,000 sessions of 50 users with small mailboxes', { timeout: 120_000 }, async (t) => {
  const sessions = 1000
  const { before, awake, asleep } = await measure(t, { users: 50, mails: 10, sessions })
  figure(t, `a session that idles with a small mailbox keeps ${kilobytes((awake - before) / sessions)} awake, ${kilobytes((asleep - before) / sessions)} asleep (${sessions} sessions of 50 users, without sockets)`)
  t.ok((asleep - before) / sessions < 16 * 1024, 'asleep less than 16 KB')
})

void t.test('sessions with a mailbox of 10,000 mails', { timeout: 120_000 }, async (t) => {
  const users = 4
  const { before, awake, asleep } = await measure(t, { users, mails: 10_000, sessions: users })
  figure(t, `a session that idles with a mailbox of 10,000 mails keeps ${kilobytes((awake - before) / users)} awake, ${kilobytes((asleep - before) / users)} asleep`)
  t.ok(asleep - before < (awake - before) / 5, 'asleep less than a fifth')
})
