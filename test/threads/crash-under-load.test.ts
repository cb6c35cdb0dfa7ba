// Threads die again and again while mail is delivered and read: what LMTP has acknowledged, IMAP finds, once each.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { loadConfig } from '../../conf/load.ts'
import { Server } from '../../workers/main.ts'
import { LmtpClient, letter } from '../fixtures/deliver.ts'
import { configuration, freePort } from '../fixtures/server.ts'
import { Deliverer, eventually, login, lost, subjects, usersAt } from './users.ts'

const workers = 3
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-crashes-'))
const imapPort = await freePort()
const lmtpPort = await freePort()
fs.writeFileSync(path.join(directory, 'culver.conf'), configuration(directory, imapPort, lmtpPort, { workers, config: `log_path = ${directory}/log` }))
const server = new Server(loadConfig(path.join(directory, 'culver.conf')))
await server.start()
t.teardown(async () => {
  await server.stop()
  fs.rmSync(directory, { recursive: true, force: true })
})

/** Clients that select and fetch, log in again when they are cut, and stop when told. */
class Readers {
  commands = 0
  #stopping = false
  readonly #work: Promise<unknown>

  constructor(users: string[]) { this.#work = Promise.all(users.map((user) => this.#read(user))) }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#work
  }

  async #read(user: string): Promise<void> {
    while (!this.#stopping) {
      const client = await eventually(() => login(imapPort, user))
      try {
        while (!this.#stopping) {
          for (const command of ['SELECT INBOX', 'FETCH 1:* (FLAGS BODY.PEEK[TEXT])', 'STORE 1:* +FLAGS (\\Seen)', 'NOOP']) {
            await client.command('r', command)
            this.commands++
          }
        }
      } catch {
        // cut: again
      }
      client.close()
    }
  }
}

/** Every user can be reached from every socket: no two threads have lost each other. */
async function everybodyReaches(everybody: string[]): Promise<void> {
  for (let i = 0; i < 3; i++) {
    for (const user of everybody) (await eventually(() => login(imapPort, user))).close()
    await eventually(async () => {
      const client = await LmtpClient.connect(lmtpPort)
      const replies = await client.deliver(everybody, letter(`check-${i}`))
      client.close()
      if (!replies.every((reply) => reply.startsWith('250 '))) throw new Error(replies.join('\n'))
    })
  }
}

const everybody = Array.from({ length: workers }, (_, home) => usersAt(home, workers, 2)).flat()

async function underLoad(t: Tap, crashes: (deliverers: Deliverer[]) => Promise<void>): Promise<void> {
  const deliverers = Array.from({ length: 3 }, (_, i) => new Deliverer(lmtpPort, `${t.name}-${i}`, everybody))
  const readers = new Readers(everybody.slice(1, 4))
  await deliverers[0]!.progress(3)
  await crashes(deliverers)
  await Promise.all(deliverers.map((deliverer) => deliverer.progress(1)))
  await Promise.all([...deliverers.map((deliverer) => deliverer.stop()), readers.stop()])
  const total = deliverers.reduce((sum, { count }) => sum + count, 0)
  const refused = deliverers.flatMap(({ refusals }) => refusals)
  t.comment(`${total} letters acknowledged, ${refused.length} refused or cut, ${readers.commands} commands of readers`)
  t.same(await lost(imapPort, deliverers), [], 'nothing acknowledged is lost')
  for (const reply of refused) if (!/^(Error: |4\d\d |\(connection closed\))/.test(reply)) t.fail(`a refusal that is not temporary: ${reply}`)
}

type Tap = { name: string; comment(text: string): void; same(a: unknown, b: unknown, text: string): unknown; fail(text: string): unknown }

void t.test('session workers', { timeout: 100_000 }, async (t) => {
  await underLoad(t, async ([deliverer]) => {
    for (const worker of [0, 1, 2, 1]) {
      await server.kill(worker)
      await deliverer!.progress(3)
    }
  })
})

void t.test('two session workers at once, and the storage worker with a third', { timeout: 100_000 }, async (t) => {
  await underLoad(t, async ([deliverer]) => {
    await Promise.all([server.kill(0), server.kill(1)])
    await deliverer!.progress(1)
    await Promise.all([server.kill('storage'), server.kill(2)])
    await deliverer!.progress(3)
    await Promise.all([server.kill(0), server.kill(1), server.kill(2), server.kill('storage')])
  })
  await everybodyReaches(everybody)
})

void t.test('the storage worker', { timeout: 100_000 }, async (t) => {
  await underLoad(t, async ([deliverer]) => {
    for (let i = 0; i < 3; i++) {
      await server.kill('storage')
      await deliverer!.progress(3)
    }
  })
})

void t.test('the auth threads', { timeout: 100_000 }, async (t) => {
  await underLoad(t, async ([deliverer]) => {
    for (let i = 0; i < 4; i++) {
      await server.kill('auth')
      await deliverer!.progress(3)
    }
  })
})

void t.test('no letter is there twice for one acknowledgement', async (t) => {
  for (const user of everybody) {
    const found = (await subjects(imapPort, user)).filter((subject) => !subject.includes('check'))
    // One that was cut before its reply may be there unacknowledged, but once.
    t.equal(new Set(found).size, found.length)
  }
})
