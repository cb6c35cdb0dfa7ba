// A thread dies: what was acknowledged is still there, sessions on other workers do not notice, relayed clients are told,
// and the thread is back.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { loadConfig } from '../../conf/load.ts'
import { placeOf } from '../../runtime/placement.ts'
import { Server } from '../../workers/main.ts'
import { deliverLetters } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { configuration, freePort, password } from '../fixtures/server.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-threads-'))
const imapPort = await freePort()
const lmtpPort = await freePort()
fs.writeFileSync(path.join(directory, 'culver.conf'), configuration(directory, imapPort, lmtpPort, { workers: 2, config: `log_path = ${directory}/log` }))
const server = new Server(loadConfig(path.join(directory, 'culver.conf')))
await server.start()
t.teardown(async () => {
  await server.stop()
  fs.rmSync(directory, { recursive: true, force: true })
})

/** A user whose home is that worker. */
const userAt = (worker: number): string => {
  for (let n = 0; ; n++) if (placeOf(`user${n}@example.com`, 2) === worker) return `user${n}@example.com`
}
const doomed = userAt(0)
const safe = userAt(1)

async function login(user: string): Promise<LineClient> {
  const client = await LineClient.connect(imapPort)
  await client.line()
  const reply = await client.command('login', `LOGIN ${user} ${password}`)
  if (!reply.at(-1)!.startsWith('login OK')) throw new Error(reply.join('\n'))
  return client
}

/** Logs in again and again until the user's worker is back. */
async function loginAgain(user: string): Promise<LineClient> {
  for (const started = performance.now(); ;) {
    try {
      return await login(user)
    } catch (error) {
      if (performance.now() - started > 20_000) throw error
    }
  }
}

/** Logged-in clients of `user` on both workers' sockets: enough connections that the kernel has used both. */
const several = (user: string): Promise<LineClient[]> => Promise.all(Array.from({ length: 12 }, () => login(user)))

void t.test('a session worker dies', async (t) => {
  await deliverLetters(lmtpPort, doomed, 1, 5)
  const theirs = await several(doomed)
  await theirs[0]!.command('a', 'SELECT INBOX')
  const stored = await theirs[0]!.command('b', 'STORE 2 +FLAGS (\\Flagged kept)')
  t.match(stored.at(-1)!, /^b OK/)
  const others = await several(safe)
  await others[0]!.command('a', 'SELECT INBOX')

  await server.kill(0)
  const endings = await Promise.all(theirs.map(async (client) => {
    const lines: string[] = []
    for (let line = await client.line(); line !== undefined; line = await client.line()) lines.push(line)
    return lines.join('\n')
  }))
  t.ok(endings.some((ending) => ending.startsWith('* BYE')), 'clients relayed to it hear BYE')
  t.ok(endings.every((ending) => ending === '' || ending.startsWith('* BYE')), 'the others are cut')

  const answers = await Promise.allSettled(others.map((client) => client.command('b', 'NOOP')))
  const alive = answers.filter((answer) => answer.status === 'fulfilled').length
  t.ok(alive > 0 && alive < others.length + 1, `sessions whose socket was elsewhere go on (${alive} of ${others.length})`)

  const again = await loginAgain(doomed)
  t.match((await again.command('c', 'SELECT INBOX')).join('\n'), /\* 5 EXISTS/, 'every acknowledged mail is there')
  t.match((await again.command('d', 'FETCH 2 FLAGS')).join('\n'), /FLAGS \(.*\\Flagged.*kept.*\)/, 'and the flags')
  await deliverLetters(lmtpPort, doomed, 6, 6)
  t.match((await again.command('e', 'NOOP')).join('\n'), /\* 6 EXISTS/, 'deliveries arrive again')
  for (const client of [again, ...theirs, ...others]) client.close()
})

void t.test('the storage worker dies', async (t) => {
  const client = await loginAgain(safe)
  await deliverLetters(lmtpPort, safe, 1, 3)
  await client.command('a', 'SELECT INBOX')
  await server.kill('storage')
  for (const started = performance.now(); ;) {
    const reply = (await client.command('b', 'FETCH 1 BODY.PEEK[TEXT]')).join('\n')
    if (reply.includes('This is letter 1.')) break
    t.match(reply, /^b NO \[(UNAVAILABLE|SERVERBUG)\]/m, 'meanwhile the answer is a temporary one')
    if (performance.now() - started > 20_000) throw new Error(reply)
  }
  await deliverLetters(lmtpPort, safe, 4, 4)
  t.match((await client.command('c', 'NOOP')).join('\n'), /\* 4 EXISTS/, 'the session never noticed')
  client.close()
})
