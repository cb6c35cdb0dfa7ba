// SEARCH, SORT and THREAD over a large mailbox, from the message cache: as ratios to reading that cache's file and to taking its
// summaries one by one in the same run, and how long another session of the thread has to wait meanwhile. BENCH_MAILS=100000 for
// more mails, BENCH_MS=1 for times too.

import fs from 'node:fs'
import t from 'tap'
import { Buffer } from 'node:buffer'
import { MessageParser } from '../../actors/mail/message-parser.ts'
import type { Draft } from '../../actors/user/types.ts'
import { ImapClient } from '../fixtures/imap-session.ts'
import { context, newWorld, open, within } from '../unit/user/fixture.ts'
import { figure } from './measure.ts'

const mails = Number(process.env.BENCH_MAILS ?? 10_000)

/** As mail of a list is: every fourth begins a thread, the others answer one of the last forty. */
function mail(n: number): Draft {
  const answers = n % 4 === 0 ? undefined : n - 1 - (n * 7919) % Math.min(n, 40)
  const bytes = Buffer.from([
    `Return-Path: <person${n % 211}@example.org>`, 'Delivered-To: jane@example.com',
    `From: "Person ${n % 211}" <person${n % 211}@example.org>`, 'To: list@example.org',
    `Subject: ${answers === undefined ? '' : 'Re: '}[list] About matter ${(n * 31) % 3001} of ${n % 97}`,
    `Date: ${new Date(Date.UTC(2020, 0, 1) + n * 600_000 - (n % 13) * 86_400_000).toUTCString()}`,
    `Message-ID: <message.${n}.${n * 17}@mail.example.org>`,
    ...(answers === undefined ? [] : [`In-Reply-To: <message.${answers}.${answers * 17}@mail.example.org>`, `References: <message.${answers}.${answers * 17}@mail.example.org>`]),
    'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 7bit', 'List-Id: A list <list.example.org>', 'X-Mailer: test', '', `${n}`, '',
  ].join('\r\n'))
  const parser = new MessageParser()
  parser.push(bytes)
  return { body: { size: bytes.length, parts: [bytes] }, summary: parser.finish(), flags: { system: 0, keywords: [] }, internalDate: Math.trunc(Date.UTC(2020, 0, 1) / 1000) + n * 600 }
}

/** Milliseconds that `action` takes, and the longest that the thread was not free meanwhile. */
async function timed(action: () => Promise<unknown>): Promise<{ ms: number; pause: number }> {
  let pause = 0
  let last = performance.now()
  let running = true
  const look = (): void => {
    pause = Math.max(pause, performance.now() - last)
    last = performance.now()
    if (running) setImmediate(look)
  }
  setImmediate(look)
  const started = performance.now()
  await action()
  running = false
  return { ms: performance.now() - started, pause }
}

t.test('a large mailbox', { timeout: 600_000 }, async (t) => {
  const world = newWorld(t)
  const user = await open(world)
  t.teardown(() => user.stop(60_000))
  for (let n = 0; n < mails;) {
    const batch: Draft[] = []
    while (batch.length < 1000 && n < mails) batch.push(mail(n++))
    await user.append(context, 'INBOX', batch)
  }
  const client = new ImapClient({ user, effects: world.effects })
  Object.assign(client.world.effects, { clock: world.effects.clock })
  await client.login()
  await client.say('SELECT INBOX')
  const files = fs.readdirSync(world.directory, { recursive: true, encoding: 'utf8' }).filter((name) => /\/cache\.\d+$/.test(name)).map((name) => `${world.directory}/${name}`)
  world.store.operations()

  /** The fastest of three: others use the machine too. */
  const best = async (action: () => Promise<unknown>): Promise<{ ms: number; pause: number }> => {
    const runs = [await timed(action), await timed(action), await timed(action)]
    return runs.reduce((a, b) => (a.ms < b.ms ? a : b))
  }
  const bare = await best(async () => { for (const file of files) fs.readFileSync(file) })
  const single = await best(() => within(user, 'INBOX', async (inbox) => { for (let uid = 1; uid <= mails; uid++) await inbox.summary(context, uid) }))
  const commands = [
    'SORT (ARRIVAL) UTF-8 ALL', 'SORT (SUBJECT) UTF-8 ALL', 'SORT (FROM REVERSE DATE) UTF-8 ALL', 'THREAD ORDEREDSUBJECT UTF-8 ALL', 'THREAD REFERENCES UTF-8 ALL',
    'THREAD REFS UTF-8 ALL', 'SEARCH SUBJECT "matter 17"', 'SEARCH RETURN (COUNT) UNSEEN SINCE 1-Feb-2020',
  ]
  for (const command of commands) {
    let answer: string[] = []
    const { ms, pause } = await best(async () => { answer = await client.say(command) })
    t.match(answer.at(-1), /^OK /, command)
    t.strictSame(world.store.operations(), [], `${command}: no request`)
    t.ok(pause < 250, `${command}: others have their turns`)
    figure(t, `${command} of ${mails} mails: ${(ms / single.ms).toFixed(2)} × summaries one by one, ${(ms / bare.ms).toFixed(1)} × reading the cache file; longest pause of others ${pause.toFixed(0)} ms${process.env.BENCH_MS ? ` (${ms.toFixed(0)} ms)` : ''}`)
  }
})
