// Culver next to Debian's Dovecot 2.3 (sdbox) with the same large mailbox: the time of each command as a ratio, in one run, the
// two taking turns. BENCH_MAILS=100000 for more mails (some two minutes; TAP_TIMEOUT=0 if it is run alone), BENCH_MS=1 for times too.
//
// Both servers have done everything a few times in another mailbox before, so that their code is warm, and nothing of this mailbox.
// `again` is the best of several: what others of the machine do at the time only adds. `first` is one time alone, and only said: whatever
// had to be read or made for it (Dovecot reads the mails themselves, Culver its message cache).

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import net from 'node:net'
import t from 'tap'
import { Dovecot, dovecotAddress, dovecotPackages } from '../real/dovecot.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'
import { figure } from './measure.ts'

const mails = Number(process.env.BENCH_MAILS ?? 10_000)
const user = 'jane'
const nobody = 65534
const answerMs = 120_000

/** As mail of a list is: every fourth begins a thread, the others answer one of the last forty. */
function mail(n: number): string {
  const answers = n % 4 === 0 ? undefined : n - 1 - (n * 7919) % Math.min(n, 40)
  return [
    `Return-Path: <person${n % 211}@example.org>`, 'Delivered-To: jane@example.com',
    `From: "Person ${n % 211}" <person${n % 211}@example.org>`, 'To: list@example.org',
    `Subject: ${answers === undefined ? '' : 'Re: '}[list] About matter ${(n * 31) % 3001} of ${n % 97}`,
    `Date: ${new Date(Date.UTC(2020, 0, 1) + n * 600_000 - (n % 13) * 86_400_000).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <message.${n}.${n * 17}@mail.example.org>`,
    ...(answers === undefined ? [] : [`In-Reply-To: <message.${answers}.${answers * 17}@mail.example.org>`, `References: <message.${answers}.${answers * 17}@mail.example.org>`]),
    'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', '', `${n}`, '',
  ].join('\r\n')
}

/** A client that only waits for its tag: what it measures is the server. */
class Stopwatch {
  readonly #socket: net.Socket
  #tag = 0
  #tail = ''
  #waiting: { tag: string; resolve(answer: string): void } | undefined
  bytes = 0

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (data: Buffer) => {
      this.bytes += data.length
      this.#tail = (this.#tail + data.toString('latin1', Math.max(0, data.length - 4000))).slice(-4000)
      const { tag } = this.#waiting ?? { tag: '' }
      const end = tag === '' ? -1 : this.#tail.search(new RegExp(`(^|\r\n)${tag} [^\r\n]*\r\n$`))
      if (end < 0) return
      const waiting = this.#waiting
      this.#waiting = undefined
      waiting?.resolve(this.#tail.slice(end).trim())
    })
  }

  static async connect(port: number, host: string): Promise<Stopwatch> {
    const socket = net.connect({ port, host, noDelay: true })
    const watch = new Stopwatch(socket)
    await new Promise((resolve, reject) => { socket.once('data', resolve); socket.once('error', reject) })
    await watch.say(`LOGIN ${user} ${password}`)
    return watch
  }

  close(): void { this.#socket.destroy() }

  /** Sends a command; rejects unless it is answered OK within `answerMs`. */
  async say(command: string): Promise<{ ms: number; bytes: number }> {
    const tag = `t${++this.#tag}`
    this.bytes = 0
    const began = performance.now()
    const answer = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${command.slice(0, 80)}; last: ${this.#tail}`)), answerMs)
      this.#waiting = { tag, resolve: (text) => { clearTimeout(timer); resolve(text) } }
      this.#socket.write(Buffer.from(`${tag} ${command}\r\n`, 'latin1'))
    })
    if (!answer.startsWith(`${tag} OK`)) throw new Error(`${command.slice(0, 80)}: ${answer}`)
    return { ms: performance.now() - began, bytes: this.bytes }
  }
}

async function fill(watch: Stopwatch, mailbox: string, count: number): Promise<void> {
  for (let n = 0; n < count;) {
    let command = `APPEND ${mailbox}`
    for (let batch = 0; batch < 500 && n < count; batch++, n++) command += messageLiteral(n)
    await watch.say(command)
  }
}

function messageLiteral(n: number): string {
  const text = mail(n)
  const date = new Date(Date.UTC(2020, 0, 1) + n * 600_000).toUTCString()
  return ` "${date.slice(5, 16).replaceAll(' ', '-')} ${date.slice(17, 25)} +0000" {${text.length}+}\r\n${text}`
}

/**
 * `bound`: at most so many times Dovecot's time, which is about twice of what was seen, on a machine that does other things as well;
 * where that is less than 1, twice as slow would still be faster than Dovecot.
 */
interface Race { command: string; before?: string; bound: number }

const races: Race[] = [
  { command: 'NOOP', bound: 4 },
  { command: 'SELECT INBOX', before: 'UNSELECT', bound: 5 },
  { command: 'UID FETCH 1:* (FLAGS)', bound: 1 },
  { command: 'UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)', bound: 1.2 },
  { command: 'FETCH 1:* (ENVELOPE)', bound: 1.5 },
  { command: 'FETCH 1:* (BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])', bound: 2.2 },
  { command: 'SEARCH UNSEEN', bound: 1.4 },
  { command: 'SEARCH SINCE 1-Feb-2020 BEFORE 1-Mar-2020', bound: 0.4 },
  { command: 'SEARCH SUBJECT "matter 17"', bound: 1.8 },
  { command: 'SEARCH FROM person17', bound: 1.6 },
  { command: 'SORT (ARRIVAL) UTF-8 ALL', bound: 1.7 },
  { command: 'SORT (SUBJECT) UTF-8 ALL', bound: 2.2 },
  { command: 'SORT (REVERSE DATE) UTF-8 ALL', bound: 0.8 },
  { command: 'SORT (FROM REVERSE DATE) UTF-8 ALL', bound: 0.5 },
  { command: 'THREAD REFERENCES UTF-8 ALL', bound: 1 },
  { command: 'THREAD REFS UTF-8 ALL', bound: 0.6 },
  { command: 'STORE 1:* +FLAGS (\\Seen)', before: 'STORE 1:* -FLAGS.SILENT (\\Seen)', bound: 3 },
  { command: 'STORE 1:* +FLAGS.SILENT ($Label)', before: 'STORE 1:* -FLAGS.SILENT ($Label)', bound: 2 },
]

/** Rounds of a race: more of short ones, in which a pause of the machine weighs more. */
const mostRounds = 20
const fewestRounds = 4
const raceMs = 2_000

/** The first time of each runner, and the best of the following. */
async function race({ command, before }: Race, runners: Stopwatch[]): Promise<{ first: number; again: number }[]> {
  const times: number[][] = runners.map(() => [])
  const until = performance.now() + raceMs
  for (let round = 0; round < mostRounds && (round < fewestRounds || performance.now() < until); round++) {
    for (const [n, runner] of runners.entries()) {
      if (before !== undefined) await runner.say(before)
      times[n]!.push((await runner.say(command)).ms)
    }
  }
  return times.map(([first = 0, ...others]) => ({ first, again: Math.min(...others) }))
}

/** Everything a few times in a small mailbox. */
async function warmUp(runner: Stopwatch): Promise<void> {
  await runner.say('CREATE Warm')
  await fill(runner, 'Warm', 1000)
  for (let round = 0; round < 6; round++) {
    await runner.say('SELECT Warm')
    for (const { command, before } of races) {
      if (command.startsWith('SELECT')) continue
      if (before !== undefined) await runner.say(before)
      await runner.say(command)
    }
  }
}

/** Milliseconds of one FETCH, one STORE and one new mail, with the client hearing of it: the best of several, in the selected mailbox. */
async function single(runner: Stopwatch, mailbox: string, count: number): Promise<Record<'fetch' | 'store' | 'append', number>> {
  await runner.say(`SELECT ${mailbox}`)
  const best = { fetch: Infinity, store: Infinity, append: Infinity }
  for (let n = 1; n <= 40; n++) {
    const uid = Math.ceil(count * n / 41)
    best.fetch = Math.min(best.fetch, (await runner.say(`UID FETCH ${uid} (FLAGS ENVELOPE)`)).ms)
    best.store = Math.min(best.store, (await runner.say(`UID STORE ${uid} +FLAGS (\\Flagged)`)).ms)
    best.append = Math.min(best.append, (await runner.say(`APPEND ${mailbox}${messageLiteral(n)}`)).ms + (await runner.say('NOOP')).ms)
  }
  return best
}

const absent = requirePackages(dovecotPackages)
void t.test('next to Dovecot', { skip: absent.length > 0 ? `needs ${absent.join(', ')}` : false, timeout: 1_800_000 }, async (t) => {
  const culver = await TestServer.start({ workers: 1, store: 'memory:bench', config: 'mail_fsync = never' })
  t.teardown(() => culver.stop())
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-sdbox-'))
  t.teardown(() => fs.rmSync(home, { recursive: true, force: true }))
  fs.chownSync(home, nobody, nobody) // Dovecot serves nobody's mail as root
  const dovecot = await Dovecot.start({ more: `
passdb {
  driver = static
  args = password=${password}
}
userdb {
  driver = static
  args = uid=${nobody} gid=${nobody} home=${home}/%u allow_all_users=yes
}
first_valid_uid = 1
mail_fsync = never
mail_location = sdbox:%h/sdbox
` })
  t.teardown(() => dovecot.stop())
  const runners = [await Stopwatch.connect(culver.imapPort, '127.0.0.1'), await Stopwatch.connect(dovecot.imapPort, dovecotAddress)]
  t.teardown(() => { for (const runner of runners) runner.close() })
  await Promise.all(runners.map(async (runner) => {
    await warmUp(runner)
    await fill(runner, 'INBOX', mails)
    await runner.say('SELECT INBOX')
  }))
  for (const one of races) {
    const [ours, theirs] = await race(one, runners)
    const again = ours!.again / theirs!.again
    const times = process.env.BENCH_MS ? ` (${ours!.again.toFixed(1)} / ${theirs!.again.toFixed(1)} ms, first ${ours!.first.toFixed(0)} / ${theirs!.first.toFixed(0)} ms)` : ''
    figure(t, `${one.command}, ${mails} mails: ${again.toFixed(2)} × Dovecot's time, the first time ${(ours!.first / theirs!.first).toFixed(2)} ×${times}`)
    t.ok(again < one.bound, `${one.command}: ${again.toFixed(2)} is less than ${one.bound}`)
  }
  const [ours] = runners
  const small = await single(ours!, 'Warm', 1000)
  const large = await single(ours!, 'INBOX', mails)
  for (const what of ['fetch', 'store', 'append'] as const) {
    const growth = large[what] / small[what]
    figure(t, `one ${what} in a mailbox of ${mails} mails: ${growth.toFixed(2)} × as long as in one of 1000`)
    t.ok(growth < 3, `one ${what} does not depend on the size of the mailbox`)
  }
})
