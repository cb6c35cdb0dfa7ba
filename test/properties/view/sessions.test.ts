// The same promise as view.test.ts, through whole sessions over the real engine: a client that believes the untagged responses
// of whatever commands it says ends with what the server has. RFC 3501 §5.2, §7.4.1.

import t from 'tap'
import fc from 'fast-check'
import { defaultSettings } from '../../../conf/settings.ts'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'
import type { ImapClient } from '../../fixtures/imap-session.ts'

/** Sequence number → UID and flags, as far as the client has heard. */
interface Known { uid?: number; flags?: string }

/** How a client speaks: by message numbers; hearing VANISHED (RFC 7162), also of what went while it was away; in UIDs alone (RFC 9586). */
type Kind = 'numbers' | 'qresync' | 'uids'

const canHearExpunge = (command: string): boolean => !/^(FETCH|STORE|SEARCH) /.test(command)

const uidsIn = (set: string): number[] => set.split(',').flatMap((range) => {
  const [first, last = first] = range.split(':').map(Number)
  return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i)
})

class Believer {
  readonly client: ImapClient
  readonly kind: Kind
  messages: Known[] = []
  /** What is known up to: UIDVALIDITY and modseq. */
  #validity = 0
  #modseq = 0
  /** The tag of the IDLE that goes on. */
  #idling: string | undefined
  #tags = 0

  constructor(client: ImapClient, kind: Kind = 'numbers') {
    this.client = client
    this.kind = kind
  }

  async begin(): Promise<void> {
    if (this.kind !== 'numbers') await this.say(this.kind === 'qresync' ? 'ENABLE QRESYNC' : 'ENABLE UIDONLY IMAP4rev2')
    await this.say('SELECT INBOX')
    await this.learn()
  }

  /** IDLE ends first. */
  async say(command: string): Promise<string> {
    await this.wake()
    return this.#heard(await this.client.say(command), command)
  }

  async idle(): Promise<void> {
    await this.wake()
    this.#idling = `idle${++this.#tags}`
    this.client.send(`${this.#idling} IDLE\r\n`)
    await this.client.until(/\+ idling\r\n/)
  }

  /** Is silent until it is put away; the mailbox is closed if nobody else has it. */
  rest(): void { this.client.time.pass(restMs) }

  async wake(): Promise<void> {
    const tag = this.#idling
    if (tag === undefined) return
    this.#idling = undefined
    this.client.send('DONE\r\n')
    this.#heard(await this.client.answer(tag), 'IDLE')
  }

  #heard(lines: readonly string[], command: string): string {
    // A SELECT tells first how many there are, then what of them is new.
    if (command.startsWith('SELECT')) {
      for (const line of lines) for (const uid of uidsIn(/^\* VANISHED \(EARLIER\) (.*)$/.exec(line)?.[1] ?? '').filter((one) => one > 0)) this.#vanish(uid, false)
    }
    for (const line of lines.slice(0, -1)) this.#hear(line, command)
    const last = lines.at(-1)!
    this.#modseq = Number(/\[HIGHESTMODSEQ (\d+)\]/.exec(last)?.[1] ?? this.#modseq)
    return last
  }

  /** A command about a message that the client has, if it has any, in the numbers it speaks in. */
  async sayOf(pick: number, command: (number: number) => string): Promise<void> {
    await this.wake()
    const index = this.messages.length === 0 ? 0 : pick % this.messages.length
    const { uid } = this.messages[index] ?? {}
    if (this.messages.length === 0 || (this.kind === 'uids' && uid === undefined)) return
    const answer = await this.say(this.kind === 'uids' ? `UID ${command(uid!)}` : command(index + 1))
    if (answer.startsWith('BAD')) throw new Error(`${answer}: the client has a number that the server does not know`)
  }

  #hear(line: string, command: string): void {
    this.#validity = Number(/\[UIDVALIDITY (\d+)\]/.exec(line)?.[1] ?? this.#validity)
    this.#modseq = Number(/\[HIGHESTMODSEQ (\d+)\]/.exec(line)?.[1] ?? this.#modseq)
    const vanished = /^\* VANISHED ([\d:,]+)$/.exec(line)?.[1]
    if (vanished !== undefined) return this.#vanished(uidsIn(vanished), command)
    const [, number, what, rest = ''] = /^\* (\d+) (EXISTS|EXPUNGE|RECENT|FETCH|UIDFETCH)(.*)$/.exec(line) ?? []
    if (what === undefined) return
    if (this.kind === 'uids' && /^(FETCH|EXPUNGE|RECENT)$/.test(what)) throw new Error(`${line} to a client that speaks in UIDs alone`)
    if (this.kind === 'qresync' && what === 'EXPUNGE') throw new Error(`${line} to a client that knows VANISHED`)
    const seq = Number(number)
    if (what === 'EXISTS') this.#exists(seq, line, command)
    else if (what === 'EXPUNGE') this.#expunge(seq, line, command)
    else if (what === 'FETCH') this.#fetched(seq, rest, line)
    else if (what === 'UIDFETCH') this.#fetchedByUid(seq, rest, line)
  }

  #exists(count: number, line: string, command: string): void {
    if (count < this.messages.length && !command.startsWith('SELECT')) throw new Error(`${line} while ${this.messages.length} were known`)
    while (this.messages.length < count) this.messages.push({})
  }

  #expunge(seq: number, line: string, command: string): void {
    if (!canHearExpunge(command)) throw new Error(`${line} in answer to ${command}`)
    if (seq < 1 || seq > this.messages.length) throw new Error(`${line} while ${this.messages.length} were known`)
    this.messages.splice(seq - 1, 1)
  }

  #vanished(uids: readonly number[], command: string): void {
    if (!canHearExpunge(command)) throw new Error(`VANISHED in answer to ${command}`)
    for (const uid of uids) this.#vanish(uid, true)
  }

  /** A message whose UID the client has not learned stands behind the last one with a smaller UID. `must`: it has been told of. */
  #vanish(uid: number, must: boolean): void {
    const known = this.messages.findIndex((message) => message.uid === uid)
    const smaller = this.messages.findLastIndex((message) => message.uid !== undefined && message.uid < uid)
    const at = known >= 0 ? known : this.messages[smaller + 1] !== undefined && this.messages[smaller + 1]!.uid === undefined ? smaller + 1 : -1
    if (at >= 0 && (must || known >= 0)) this.messages.splice(at, 1)
    else if (must) throw new Error(`VANISHED ${uid} while ${this} were known`)
  }

  #fetched(seq: number, rest: string, line: string): void {
    const message = this.messages[seq - 1]
    if (!message) throw new Error(`${line} while ${this.messages.length} were known`)
    const uid = /UID (\d+)/.exec(rest)?.[1]
    if (uid !== undefined && message.uid !== undefined && message.uid !== Number(uid)) throw new Error(`${line}: the UID was ${message.uid}`)
    if (uid !== undefined) message.uid = Number(uid)
    this.#flags(message, rest)
  }

  /** Of whom the client has not known the UID, it knows the number no more than that there are so many. */
  #fetchedByUid(uid: number, rest: string, line: string): void {
    let message = this.messages.find((one) => one.uid === uid)
    message ??= this.messages.find((one) => one.uid === undefined)
    if (!message) throw new Error(`${line} while ${this} were known`)
    message.uid = uid
    this.#flags(message, rest)
    this.messages.sort((a, b) => (a.uid ?? Infinity) - (b.uid ?? Infinity) || 0)
  }

  #flags(message: Known, rest: string): void {
    const flags = /FLAGS \(([^)]*)\)/.exec(rest)?.[1]
    if (flags !== undefined) message.flags = flags.split(' ').filter((flag) => flag !== '\\Recent').sort().join(' ')
  }

  toString(): string { return this.messages.map(({ uid, flags }) => `${uid} (${flags})`).join(', ') }

  /** Asks for what it does not know, as clients do. */
  async learn(): Promise<void> {
    const unknown = this.messages.flatMap(({ uid, flags }, i) => (uid === undefined || flags === undefined ? [i + 1] : []))
    if (unknown.length > 0) await this.say(this.kind === 'uids' ? 'UID FETCH 1:* FLAGS' : `FETCH ${unknown.join(',')} (UID FLAGS)`)
  }

  /** Goes, and comes back after `meanwhile`; with QRESYNC it hears what has changed, otherwise it begins anew. */
  async away(meanwhile: () => Promise<void>): Promise<void> {
    await this.say('NOOP')
    await this.learn()
    await this.say('UNSELECT')
    // What came between these commands it has not learned, and forgets.
    this.messages = this.kind === 'qresync' ? this.messages.filter(({ uid }) => uid !== undefined) : []
    await meanwhile()
    const uids = this.messages.map(({ uid }) => uid).join(',')
    await this.say(this.kind === 'qresync' && this.#modseq > 0 ? `SELECT INBOX (QRESYNC (${this.#validity} ${this.#modseq}${uids === '' ? '' : ` ${uids}`}))` : 'SELECT INBOX')
    await this.learn()
  }
}

const restMs = defaultSettings().imap_hibernate_timeout
/** How often all sessions slept and the mailbox was closed under them. */
let closings = 0
const kinds: readonly Kind[] = ['numbers', 'numbers', 'qresync', 'uids']
const flag = fc.constantFrom('\\Seen', '\\Deleted', '\\Flagged', '$Todo')
const step = fc.record({
  session: fc.nat(kinds.length - 1),
  pick: fc.nat(20),
  flag,
  do: fc.constantFrom('append', 'append', 'noop', 'noop', 'store', 'store', 'silent', 'uidstore', 'expunge', 'fetch', 'uidfetch', 'read', 'search', 'learn', 'idle', 'idle', 'move', 'moveback', 'away', 'rest', 'rest', 'rest all'),
})

/** `others` act while the session is away. */
async function take(b: Believer, s: { do: string; pick: number; flag: string }, mover: ImapClient, others: () => Promise<void>): Promise<void> {
  const uid = (number: number): string => `${b.messages[number % Math.max(1, b.messages.length)]?.uid ?? 1}`
  switch (s.do) {
    case 'append': await b.say(`APPEND INBOX ${s.pick % 3 === 0 ? '(\\Seen) ' : ''}{14+}\r\nSubject: x\r\n\r\n`); break
    case 'noop': await b.say('NOOP'); break
    case 'store': await b.sayOf(s.pick, (n) => `STORE ${n} +FLAGS (${s.flag})`); break
    // A client knows itself what it has done silently; this one asks, and of the same message: more may have come meanwhile.
    case 'silent': {
      await b.wake()
      const index = s.pick % Math.max(1, b.messages.length)
      await b.sayOf(index, (n) => `STORE ${n} -FLAGS.SILENT (${s.flag})`)
      await (b.kind === 'uids' ? b.say('UID FETCH 1:* FLAGS') : b.sayOf(index, (n) => `FETCH ${n} FLAGS`))
      break
    }
    case 'uidstore': await b.say(`UID STORE ${uid(s.pick)} FLAGS (${s.flag})`); break
    case 'expunge': await b.say('EXPUNGE'); break
    case 'fetch': await b.sayOf(s.pick, (n) => `FETCH ${n}:* FLAGS`); break
    case 'uidfetch': await b.say('UID FETCH 1:* FLAGS'); break
    case 'read': await b.sayOf(s.pick, (n) => `FETCH ${n} BODY[TEXT]`); break
    case 'search': await b.say(b.kind === 'uids' ? 'UID SEARCH UNSEEN' : 'SEARCH UNSEEN'); break
    case 'idle': await b.idle(); break
    case 'rest': b.rest(); break
    case 'move': await b.sayOf(s.pick, (n) => `MOVE ${n} Other`); break
    case 'moveback': await mover.say('UID MOVE 1:* INBOX'); break
    case 'away': await b.away(others); break
    default: await b.learn()
  }
}

async function play(steps: readonly { session: number; do: string; pick: number; flag: string }[]): Promise<void> {
  const ends: (() => unknown)[] = []
  try {
    const { login, user } = await imapEngine({ teardown: (action) => ends.unshift(action) }, { metacache_upload_interval: 1 }, { mailboxIdleMs: 0 })
    const mover = await login()
    for (let n = 0; n < 3; n++) await append(mover)
    await mover.say('CREATE Other')
    await mover.say('SELECT Other')
    const believers: Believer[] = []
    for (const kind of kinds) {
      const believer = new Believer(await login(), kind)
      await believer.begin()
      believers.push(believer)
    }
    for (const [i, s] of steps.entries()) {
      const next = steps[i + 1]
      const others = async (): Promise<void> => {
        if (next !== undefined && next.session !== s.session && next.do !== 'away') await take(believers[next.session]!, next, mover, async () => {})
      }
      if (s.do !== 'rest all') await take(believers[s.session]!, s, mover, others)
      else {
        mover.time.pass(restMs)
        for (const believer of believers) believer.rest()
        for (let turn = 0; turn < 300 && user.describe().values!['mailboxes'] !== 0; turn++) await new Promise((resolve) => { setTimeout(resolve, 1) })
        if (user.describe().values!['mailboxes'] === 0) closings++
      }
    }
    for (const believer of believers) { await believer.say('NOOP'); await believer.learn() }
    const truth = new Believer(await login())
    await truth.begin()
    for (const believer of believers) if (`${believer}` !== `${truth}`) throw new Error(`${believer.kind}: a client has ${believer}; the server ${truth}`)
  } finally {
    for (const end of ends) await end()
  }
}

t.test('sessions that believe what they are told agree at last, whichever way they speak', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50 }), play), { numRuns: 120 })
  t.ok(closings > 20, `in 120 histories the mailbox was closed under sessions that slept, ${closings} times`)
})
