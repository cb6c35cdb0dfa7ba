// Two whole servers over one store, each with homes of its own: a user that is moved from one to the other and back, and,
// as a broken director would have it, one that both have at the same time.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { LmtpClient, letter } from '../fixtures/deliver.ts'
import type { LineClient } from '../fixtures/line-client.ts'
import { TestServer } from '../fixtures/server.ts'
import { eventually, login, subjects } from './users.ts'

t.setTimeout(150_000)
const user = 'moved@example.com'
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-backends-'))
t.teardown(() => { fs.rmSync(directory, { recursive: true, force: true }) })

const store = `posix:prefix=${directory}/objects/`
const start = (name: string): Promise<TestServer> => {
  fs.mkdirSync(path.join(directory, name))
  return TestServer.start({ store, directory: path.join(directory, name), workers: 1, config: 'plugin {\n  metacache_upload_interval = 1 s\n}' })
}

async function deliver(port: number, subject: string): Promise<string> {
  const client = await LmtpClient.connect(port)
  try { return (await client.deliver([user], letter(subject)))[0]! } finally { client.close() }
}

/** `UID FETCH` lines of INBOX: UID, flags. */
async function flagsOf(client: LineClient): Promise<string[]> {
  return (await client.command('f', 'UID FETCH 1:* (FLAGS)')).filter((line) => line.includes('FETCH (')).map((line) => line.replace(/^\* \d+ FETCH /, '').replace(' \\Recent', '').replace('\\Recent', ''))
}

await t.test('moved from A to B and back', async (t) => {
  const [a, b] = await Promise.all([start('a'), start('b')])
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

await t.test('both at the same time', async (t) => {
  const [a, b] = await Promise.all([start('c'), start('d')])
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
