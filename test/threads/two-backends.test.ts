// Two whole servers over one store, each with homes of its own: a user that is moved from one to the other and back, and,
// as a broken director would have it, one that both have at the same time.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { SimRandom } from '../../runtime/sim/random.ts'
import { askServer } from '../../workers/cli/adm/ask.ts'
import { formats } from '../../workers/cli/adm/formats.ts'
import { figure } from '../bench/measure.ts'
import { startCdmiDouble } from '../fixtures/cdmi-double.ts'
import { LmtpClient, letter } from '../fixtures/deliver.ts'
import type { LineClient } from '../fixtures/line-client.ts'
import { TestServer } from '../fixtures/server.ts'
import { eventually, login, subjects } from './users.ts'

t.setTimeout(150_000)
const user = 'moved@example.com'
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-backends-'))
t.teardown(() => { fs.rmSync(directory, { recursive: true, force: true }) })

/** A store that honours conditions, and one that knows none. */
const double = await startCdmiDouble()
t.teardown(() => { double.stop() })
const stores = { posix: `posix:prefix=${directory}/objects/`, scality: `scality:http://user:pass@127.0.0.1:${double.port}/mails/` }
const places = Object.keys(stores) as (keyof typeof stores)[]
const start = (name: string, place: keyof typeof stores = 'posix'): Promise<TestServer> => {
  fs.mkdirSync(path.join(directory, name))
  return TestServer.start({ store: stores[place], directory: path.join(directory, name), workers: 1, config: 'plugin {\n  metacache_upload_interval = 1 s\n}' })
}

async function deliver(port: number, subject: string): Promise<string> {
  const client = await LmtpClient.connect(port)
  try { return (await client.deliver([user], letter(subject)))[0]! } finally { client.close() }
}

/** `UID FETCH` lines of INBOX: UID, flags. */
async function flagsOf(client: LineClient): Promise<string[]> {
  return (await client.command('f', 'UID FETCH 1:* (FLAGS)')).filter((line) => line.includes('FETCH (')).map((line) => line.replace(/^\* \d+ FETCH /, '').replace(' \\Recent', '').replace('\\Recent', ''))
}

for (const place of places) await t.test(`moved from A to B and back: ${place}`, async (t) => {
  const [a, b] = await Promise.all([start(`${place}-a`, place), start(`${place}-b`, place)])
  t.teardown(() => Promise.all([a.stop(), b.stop()]))
  t.match(await deliver(a.lmtpPort, 'one'), /^250 /)
  const onA = await login(a.imapPort, user)
  await onA.command('s', 'SELECT INBOX')
  await onA.command('s', 'STORE 1 +FLAGS (\\Flagged $OnA)')
  await onA.command('o', 'LOGOUT')
  onA.close()

  // A has not closed the user: B takes it.
  t.match(await deliver(b.lmtpPort, 'two'), /^250 /)
  const onB = await login(b.imapPort, user)
  await onB.command('s', 'SELECT INBOX')
  t.equal((await flagsOf(onB)).length, 2)
  await onB.command('s', 'STORE 2 +FLAGS (\\Answered)')
  await onB.command('c', 'CREATE OnB')
  await onB.command('o', 'LOGOUT')
  onB.close()

  t.match(await eventually(() => deliver(a.lmtpPort, 'three').then((reply) => { if (!reply.startsWith('250')) throw new Error(reply); return reply })), /^250 /)
  await eventually(async () => {
    const back = await login(a.imapPort, user)
    try {
      await back.command('s', 'SELECT INBOX')
      const flags = (await flagsOf(back)).join('\n')
      if (!/\\Flagged \$OnA|\$OnA/.test(flags) || !flags.includes('\\Answered')) throw new Error(`not merged yet: ${flags}`)
      const names = (await back.command('l', 'LIST "" *')).join('\n')
      if (!names.includes('OnB')) throw new Error(names)
      const found = await subjects(a.imapPort, user)
      if (found.toSorted().join() !== 'letter one,letter three,letter two') throw new Error(`mails: ${found.join()}`)
    } finally {
      back.close()
    }
  })
  t.pass('mails, flags and folders of both')
})

for (const place of places) await t.test(`both at the same time: ${place}`, async (t) => {
  const [a, b] = await Promise.all([start(`${place}-c`, place), start(`${place}-d`, place)])
  t.teardown(() => Promise.all([a.stop(), b.stop()]))
  const acknowledged: string[] = []
  const watched = await login(a.imapPort, user)
  await watched.command('s', 'SELECT INBOX')
  await watched.send('i IDLE\r\n')
  const said: string[] = []
  const ended = (async () => { for (let line = await watched.line(); line !== undefined; line = await watched.line()) said.push(line) })().catch(() => {})
  const work = async (port: number, name: string): Promise<void> => {
    for (let n = 0; n < 15; n++) {
      const subject = `${name}-${n}`
      const reply = await deliver(port, subject).catch(() => '')
      if (reply.startsWith('250 ')) acknowledged.push(subject)
    }
  }
  const other = await login(b.imapPort, user)
  await other.command('s', 'SELECT INBOX')
  await other.command('s', 'STORE 1 +FLAGS (\\Seen)')
  await Promise.all([work(a.lmtpPort, 'a'), work(b.lmtpPort, 'b')])
  other.close()
  t.ok(acknowledged.length > 0, `${acknowledged.length} letters acknowledged`)
  await eventually(async () => {
    const found = await subjects(b.imapPort, user)
    const missing = acknowledged.filter((subject) => !found.includes(`letter ${subject}`))
    if (missing.length > 0) throw new Error(`missing: ${missing.join()}`)
  })
  t.pass('every acknowledged letter is there')
  await ended
  t.ok(said.some((line) => line.startsWith('* BYE [UNAVAILABLE]')), said.at(-1) ?? 'nothing')
})

/** UID and subject of every mail of INBOX. */
async function mailsOf(port: number, user: string): Promise<{ uid: number; subject: string }[]> {
  const client = await login(port, user)
  try {
    const selected = (await client.command('s', 'SELECT INBOX')).at(-1)!
    if (!selected.startsWith('s OK')) throw new Error(selected)
    const lines = await client.command('f', 'UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])')
    if (!lines.at(-1)!.startsWith('f OK')) throw new Error(lines.at(-1))
    const mails: { uid: number; subject: string }[] = []
    for (const line of lines) {
      const uid = /^\* \d+ FETCH \(.*?UID (\d+)/.exec(line)?.[1]
      const subject = /^Subject: (.*)/.exec(line)?.[1]
      if (uid !== undefined) mails.push({ uid: Number(uid), subject: '' })
      if (subject !== undefined) mails.at(-1)!.subject = subject.trim()
    }
    return mails
  } finally { client.close() }
}

await t.test('clients at either of them, in turns and at once, from the first mail on, and each is killed', async (t) => {
  const [a, b] = await Promise.all([start('e'), start('f')])
  t.teardown(() => Promise.all([a.stop(), b.stop()]))
  const users = Array.from({ length: 3 }, (_, n) => `torn${n}@example.com`)
  const servers = [a, b]
  const acknowledged = new Map<string, Set<string>>(users.map((user) => [user, new Set()]))
  const folders = new Map<string, Set<string>>(users.map((user) => [user, new Set()]))
  /** What each UID was said to be: never anything else. */
  const told = new Map<string, string>()
  const twice: string[] = []
  const failures: string[] = []
  let stopping = false
  let rounds = 0
  const dice = new SimRandom(42)

  const look = async (server: TestServer, user: string): Promise<void> => {
    for (const { uid, subject } of await mailsOf(server.imapPort, user)) {
      const key = `${user} ${uid}`
      if (subject === '') continue
      if ((told.get(key) ?? subject) !== subject) twice.push(`${key} was ${told.get(key)}, now it is ${subject}`)
      told.set(key, subject)
    }
  }
  const work = async (name: string): Promise<void> => {
    for (let n = 0; !stopping; n++) {
      const user = dice.pick(users)
      const server = dice.pick(servers)
      try {
        const what = dice.below(6)
        if (what < 3) {
          const client = await LmtpClient.connect(server.lmtpPort)
          try {
            const [reply = ''] = await client.deliver([user], letter(`${name}-${n}`))
            if (reply.startsWith('250 ')) acknowledged.get(user)!.add(`letter ${name}-${n}`)
            else throw new Error(reply)
          } finally { client.close() }
        } else if (what < 5) await look(server, user)
        else {
          const client = await login(server.imapPort, user)
          try {
            const reply = (await client.command('c', `CREATE ${name}-${n}`)).at(-1)!
            if (reply.startsWith('c OK')) folders.get(user)!.add(`${name}-${n}`)
            else throw new Error(reply)
          } finally { client.close() }
        }
        rounds++
      } catch (error) {
        failures.push(String(error))
        await new Promise((resolve) => { setTimeout(resolve, 20) })
      }
    }
  }
  const done = async (more: number): Promise<void> => {
    const until = rounds + more
    await eventually(async () => { if (rounds < until) throw new Error(`${until - rounds} requests are missing; ${failures.at(-1) ?? ''}`) })
  }
  const workers = ['x', 'y', 'z'].map(work)
  await done(40)
  for (const server of [a, b]) {
    await server.kill()
    await done(15)
    await server.run()
    await done(25)
  }
  stopping = true
  await Promise.all(workers)
  // Who has lost a user may acknowledge mails for as long as its lease lasts, and a second listing finds them, minutes later. Sooner, what
  // an operator would do: what is not ours any more turns out when it is to be uploaded.
  for (const server of servers) {
    const ask = { command: 'metacache flush', options: {}, args: users }
    await askServer(path.join(server.directory, 'run/doveadm-server'), ask, formats['tab']!, { out: () => {}, complain: () => {} })
  }
  for (const server of servers) await server.terminate()
  await Promise.all(servers.map((server) => server.run()))
  // What one that was killed had alone comes when it opens the user again.
  for (const server of servers) for (const user of users) await eventually(() => mailsOf(server.imapPort, user))
  const letters = [...acknowledged.values()].reduce((sum, { size }) => sum + size, 0)
  t.ok(letters > 20, `${letters} letters acknowledged`)
  for (const server of [b, a]) {
    for (const user of users) {
      await eventually(async () => {
        const mails = await mailsOf(server.imapPort, user)
        const found = new Set(mails.map(({ subject }) => subject))
        const missing = [...acknowledged.get(user)!].filter((subject) => !found.has(subject))
        if (missing.length > 0) throw new Error(`missing: ${missing.join()}`)
        const client = await login(server.imapPort, user)
        const list = (await client.command('l', 'LIST "" *')).join('\n')
        client.close()
        const gone = [...folders.get(user)!].filter((name) => !list.includes(name))
        if (gone.length > 0) throw new Error(`folders: ${gone.join()}`)
      })
      await eventually(() => look(server, user))
    }
  }
  t.same(twice, [], 'no UID was ever two mails')
  t.same(failures.filter((text) => /: 5\d\d |^Error: 5\d\d/.test(text)), [], 'nothing was refused for good')
  figure(t, `two backends, 2 kills, ${rounds} requests done, ${failures.length} refused or cut: ${letters} letters acknowledged, 0 lost, ${told.size} UIDs seen, none of two mails`)
})
