// Commands per second of server CPU in a SELECT/FETCH/STORE/EXPUNGE mix: with one session worker, with two (where half of the
// sessions are relayed), and next to a bare line echo in Node, all in one run.

import { spawn } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, freePort, password } from '../fixtures/server.ts'
import { cpuSeconds, figure } from './measure.ts'

const clients = 20
const rounds = 60
const mailbox = 50

/** One round of one client: five commands. */
async function round(client: LineClient): Promise<number> {
  await client.command('a', 'SELECT INBOX')
  await client.command('b', 'FETCH 1:* (UID FLAGS RFC822.SIZE)')
  await client.command('c', 'STORE 1:5 +FLAGS (\\Seen)')
  await client.command('d', 'FETCH 1:10 (ENVELOPE)')
  await client.command('e', 'EXPUNGE')
  return 5
}

async function ready(server: TestServer, n: number): Promise<LineClient> {
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('a', `LOGIN bench${n}@example.com ${password}`)
  const message = `From: a@example.com\r\nTo: b@example.com\r\nSubject: number ${n}\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n`
  for (let i = 0; i < mailbox; i++) {
    client.send(`b APPEND INBOX {${message.length}+}\r\n${message}\r\n`)
    await client.until(/^b /)
  }
  return client
}

/** Commands per CPU second of the mix with that many session workers. */
async function mix(workers: number): Promise<number> {
  const server = await TestServer.start({ workers })
  try {
    const all = await Promise.all(Array.from({ length: clients }, (_, n) => ready(server, n)))
    for (const client of all) for (let i = 0; i < 5; i++) await round(client) // warm: the compiler is not what we measure
    const before = cpuSeconds(server.pid)
    const counts = await Promise.all(all.map(async (client) => {
      let commands = 0
      for (let i = 0; i < rounds; i++) commands += await round(client)
      return commands
    }))
    const used = cpuSeconds(server.pid) - before
    for (const client of all) client.close()
    return counts.reduce((sum, count) => sum + count, 0) / used
  } finally {
    await server.stop()
  }
}

/** Lines per CPU second of a server that does nothing but answer lines. */
async function echo(): Promise<number> {
  const port = await freePort()
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'echo-server.ts'), String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const all = await Promise.all(Array.from({ length: clients }, () => LineClient.connect(port)))
    const before = cpuSeconds(child.pid!)
    let lines = 0
    await Promise.all(all.map(async (client) => {
      for (let i = 0; i < rounds * 20; i++) {
        await client.command('a', 'NOOP')
        lines++
      }
    }))
    const used = cpuSeconds(child.pid!) - before
    for (const client of all) client.close()
    return lines / used
  } finally {
    child.kill()
  }
}

void t.test('commands per server CPU second', { timeout: 240_000 }, async (t) => {
  const bare = await echo()
  const one = await mix(1)
  const two = await mix(2)
  figure(t, `SELECT/FETCH/STORE/FETCH/EXPUNGE mix, commands per server CPU second: one worker ${one.toFixed(0)}, two workers ${two.toFixed(0)}`)
  figure(t, `two workers / one worker = ${(two / one).toFixed(2)} (what the relay costs); one worker / bare line echo = ${(one / bare).toFixed(3)}`)
  t.ok(two / one > 0.4, 'the relay costs less than the work')
})
