import { Buffer } from 'node:buffer'
import { MessageParser } from '/tmp/wt/adm/actors/mail/message-parser.ts'
import { ImapClient } from '/tmp/wt/adm/test/fixtures/imap-session.ts'
import { context, newWorld, open } from '/tmp/wt/adm/test/unit/user/fixture.ts'
import { Session } from 'node:inspector/promises'
import fs from 'node:fs'
const mails = Number(process.env.MAILS ?? 20000)
function mail(n: number): any {
  const answers = n % 4 === 0 ? undefined : n - 1 - (n * 7919) % Math.min(n, 40)
  const bytes = Buffer.from([
    `Return-Path: <person${n % 211}@example.org>`, 'Delivered-To: jane@example.com',
    `From: "Person ${n % 211}" <person${n % 211}@example.org>`, 'To: list@example.org',
    `Subject: ${answers === undefined ? '' : 'Re: '}[list] About matter ${(n * 31) % 3001} of ${n % 97}`,
    `Date: ${new Date(Date.UTC(2020, 0, 1) + n * 600_000 - (n % 13) * 86_400_000).toUTCString()}`,
    `Message-ID: <message.${n}.${n * 17}@mail.example.org>`,
    ...(answers === undefined ? [] : [`In-Reply-To: <message.${answers}.${answers * 17}@mail.example.org>`, `References: <message.${answers}.${answers * 17}@mail.example.org>`]),
    'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 7bit', '', `${n}`, '',
  ].join('\r\n'))
  const parser = new MessageParser()
  parser.push(bytes)
  return { body: { size: bytes.length, parts: [bytes] }, summary: parser.finish(), flags: { system: 0, keywords: [] }, internalDate: Math.trunc(Date.UTC(2020, 0, 1) / 1000) + n * 600 }
}
const t: any = { teardown: () => {}, testdir: () => fs.mkdtempSync('/tmp/adm-prof-') }
const world = newWorld(t)
const user = await open(world)
for (let n = 0; n < mails;) { const batch: any[] = []; while (batch.length < 1000 && n < mails) batch.push(mail(n++)); await user.append(context, 'INBOX', batch) }
const client = new ImapClient({ user, effects: world.effects })
Object.assign(client.world.effects, { clock: world.effects.clock })
await client.login()
await client.say('SELECT INBOX')
let nn = 0
async function quiet(command: string) {
  const c: any = client
  const tag = `q${++nn}`
  let done: any; const p = new Promise((r) => { done = r })
  const write = c.world.wire.write
  c.world.wire.write = (b: any) => { if (typeof b === 'string' ? b.includes(tag + ' OK') : Buffer.from(b).includes(tag + ' OK')) { done() } }
  c.session.input(Buffer.from(`${tag} ${command}\r\n`))
  await p
  c.world.wire.write = write
}
const commands = process.argv.slice(2)
for (const command of commands) {
  for (let i = 0; i < 3; i++) await quiet(command)
  const session = new Session(); session.connect()
  await session.post('Profiler.enable'); await session.post('Profiler.setSamplingInterval', { interval: 200 })
  await session.post('Profiler.start')
  const began = performance.now()
  for (let i = 0; i < 3; i++) await quiet(command)
  const ms = (performance.now() - began) / 3
  const { profile }: any = await session.post('Profiler.stop')
  const self = new Map<string, number>()
  const byId = new Map(profile.nodes.map((n: any) => [n.id, n]))
  for (let i = 0; i < profile.samples.length; i++) {
    const n: any = byId.get(profile.samples[i]); const k = `${n.callFrame.functionName || '(anon)'} ${n.callFrame.url.replace(/.*\/adm\//, '')}:${n.callFrame.lineNumber + 1}`
    self.set(k, (self.get(k) ?? 0) + profile.timeDeltas[i])
  }
  const total = [...self.values()].reduce((a, b) => a + b, 0)
  console.log(`== ${command}: ${ms.toFixed(0)} ms`)
  for (const [k, v] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 16)) console.log(`  ${(100 * v / total).toFixed(1)}% ${k}`)
}
process.exit(0)
