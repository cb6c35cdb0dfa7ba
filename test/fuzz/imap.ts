// Generated command streams against whole IMAP sessions over the real engine: whatever comes, in whatever pieces, the session
// answers or ends, logs no bug, and leaves nothing behind; memory stays where it was.
//
//   node test/fuzz/imap.ts [--inputs 10000] [--seed 1]
//
// A session takes up to 25 inputs: before login, logged in, in a selected mailbox or idling. Each session has a seed of its own, which
// a failure names: `node test/fuzz/imap.ts --inputs 1 --seed SEED` replays it (from a fresh user: state that earlier sessions left may matter).

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parseArgs } from 'node:util'
import { SimRandom } from '../../runtime/sim/random.ts'
import { append, imapEngine } from '../fixtures/imap-engine.ts'
import type { ImapEngine } from '../fixtures/imap-engine.ts'
import { ImapClient } from '../fixtures/imap-session.ts'
import { oddMail } from '../fixtures/mails/odd-mails.ts'
import { ImapInput } from './imap-input.ts'

const inputsOfSession = 25
/** After so many sessions comes a fresh user: what inputs append would make each of them slower than the one before. */
const sessionsOfUser = 80
/** An input that takes longer hangs. */
const hangMs = 30_000
/** A session may be this much away from the memory of the first ones. */
const growthBytes = 128 * 1024 * 1024

/** What a run has seen. */
export interface Report { inputs: number; bytes: number; answered: { ok: number; no: number; bad: number }; mostHeapBytes: number; mostRssBytes: number }

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

const collectGarbage = ((): (() => void) => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

/** The seed that runs, and since when: for the one that never comes back. */
const watched = { seed: 0, input: '', since: 0 }

/** Brings whatever state the input has left to where a command is understood: ends literals, strings, IDLE and SASL. False: the session is of no more use. */
async function settle(c: ImapClient, name: string): Promise<boolean> {
  const answered = new RegExp(`\\n${name} (OK|NO|BAD) |^${name} `)
  const from = Math.max(0, c.heard.length - 1)
  for (let attempt = 0; !c.over; attempt++) {
    // Most inputs end with a line end, and not in IDLE; few in a literal that wants much more.
    c.send(`${attempt === 0 ? '' : attempt === 1 ? '\r\n' : `\r\nDONE\r\n${attempt < 4 ? '' : ' '.repeat(100_000)}\r\n`}${name} NOOP\r\n`)
    // It may have announced more than is worth sending: it is still swallowed, and the client goes away.
    if (attempt === 40 && /\{\d{7,}\+?\}/.test(watched.input)) return false
    // A command that writes files takes more than a few turns: no reason to send so much.
    const patience = performance.now() + (attempt < 3 ? 0 : attempt < 40 ? 20 : Infinity)
    for (let n = 0; (n < 60 || performance.now() < patience) && !c.over; n++) {
      await turn()
      if (c.heard.length > from && answered.test(c.heard.slice(from))) return true
    }
  }
  return false
}

const count = (heard: string, status: string): number => heard.split(` ${status} `).length - 1

/** One session with its inputs. */
async function session(engine: ImapEngine, seed: number, inputs: number, report: Report): Promise<void> {
  const dice = new SimRandom(seed, 'imap')
  const input = new ImapInput(dice)
  const state = dice.below(8)
  const c = state === 0 ? new ImapClient({ user: engine.user, effects: engine.world.effects, settings: { auth_mechanisms: ['plain', 'login'] } }) : await engine.login()
  if (state > 1) await c.say(dice.below(2) === 0 ? 'SELECT INBOX' : 'SELECT other (CONDSTORE)')
  for (let i = 0; i < inputs && !c.over; i++) {
    if (state === 2) c.send('i IDLE\r\n')
    const pieces = input.pieces()
    watched.input = pieces.join('').slice(0, 20_000)
    const patient = dice.below(2) === 0
    for (const piece of pieces) {
      if (c.over) break
      c.send(piece)
      if (patient) await turn()
    }
    report.inputs++
    const useful = await settle(c, `zz${i}`)
    watched.since = performance.now()
    if (!useful) break
  }
  report.bytes += c.bytesIn
  for (const [key, status] of [['ok', 'OK'], ['no', 'NO'], ['bad', 'BAD']] as const) report.answered[key] += count(c.heard, status)
  c.hangup()
  await c.end()
  if (c.time.count > 0) throw new Error('a timer is left')
  const bug = c.log.find((event) => event.level === 'error')
  if (bug !== undefined) throw new Error(bug.text)
}

/** How many mailboxes sessions have opened and not closed. */
function countOpen({ user }: ImapEngine): () => number {
  let count = 0
  const open = user.open.bind(user)
  user.open = async (context, name) => {
    const { mailbox, close, rest } = await open(context, name)
    count++
    return { mailbox, close: () => { count--; close() }, rest: () => { count--; rest() } }
  }
  return () => count
}

/** Mails for the inputs to fetch, search and move. */
async function furnish(engine: ImapEngine): Promise<void> {
  const c = await engine.login()
  await c.say('CREATE other')
  for (const mailbox of ['INBOX', 'other']) {
    await append(c, mailbox)
    for (const name of ['rfc822-in-multipart', 'fields-many-folds', 'nested-60', 'params-2231-encoded-pieces', 'qp-odd', 'fields-8bit']) {
      const mail = oddMail(name).toString('latin1')
      await c.say(`APPEND ${mailbox} {${mail.length}+}\r\n${mail}`)
    }
  }
  c.hangup()
  await c.end()
}

/** One user's sessions; answers with the seed after the last. */
async function oneUser(seed: number, until: number, report: Report): Promise<number> {
  const ends: (() => void | Promise<void>)[] = []
  const engine = await imapEngine({ teardown: (action) => ends.unshift(action) }, { imap_metadata: true, mail_fsync: 'never' })
  const open = countOpen(engine)
  try {
    await furnish(engine)
    for (let n = 0; n < sessionsOfUser && report.inputs < until; n++, seed++) {
      Object.assign(watched, { seed, since: performance.now() })
      try {
        await session(engine, seed, Math.min(inputsOfSession, until - report.inputs), report)
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}\nafter ${JSON.stringify(watched.input)}`)
      }
    }
    const { sessions } = engine.user.describe().values!
    if (sessions !== 0 || open() !== 0) throw new Error(`before seed ${seed}: ${sessions} sessions and ${open()} open mailboxes are left`)
  } finally {
    for (const end of ends) await end()
  }
  return seed
}

/** Runs at least `inputs` inputs. Throws at the first that is not borne; one that hangs ends the process. */
export async function fuzz(inputs: number, seed: number, told: (report: Report) => void = () => {}): Promise<Report> {
  const report: Report = { inputs: 0, bytes: 0, answered: { ok: 0, no: 0, bad: 0 }, mostHeapBytes: 0, mostRssBytes: 0 }
  watched.since = performance.now()
  const watchdog = setInterval(() => {
    if (performance.now() - watched.since < hangMs) return
    console.error(`seed ${watched.seed}: no answer any more, after ${JSON.stringify(watched.input)}`)
    process.exit(1)
  }, 1000)
  let firstHeap: number | undefined
  try {
    while (report.inputs < inputs) {
      seed = await oneUser(seed, inputs, report)
      collectGarbage()
      const { heapUsed, rss } = process.memoryUsage()
      firstHeap ??= heapUsed
      report.mostHeapBytes = Math.max(report.mostHeapBytes, heapUsed)
      report.mostRssBytes = Math.max(report.mostRssBytes, rss)
      if (heapUsed > firstHeap + growthBytes) throw new Error(`before seed ${seed}: ${heapUsed} bytes of memory are in use, ${firstHeap} were after the first user`)
      told(report)
    }
  } finally {
    clearInterval(watchdog)
  }
  return report
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { inputs: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } } })
  const started = performance.now()
  let next = 0
  const says = (report: Report): void => {
    const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`
    console.log(`${report.inputs} inputs (${megabytes(report.bytes)}) in ${Math.round((performance.now() - started) / 1000)} s: OK ${report.answered.ok}, NO ${report.answered.no}, BAD ${report.answered.bad}; heap ${megabytes(report.mostHeapBytes)}, process ${megabytes(report.mostRssBytes)} at most`)
  }
  const report = await fuzz(Number(values.inputs), Number(values.seed), (report) => {
    if (report.inputs < next) return
    next = report.inputs + 20_000
    says(report)
  })
  says(report)
  console.log('borne')
}
