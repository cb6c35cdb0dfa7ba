// The same promise as view.test.ts, through whole sessions over the real engine: a client that believes the untagged responses
// of whatever commands it says ends with what the server has. RFC 3501 §5.2, §7.4.1.

import t from 'tap'
import fc from 'fast-check'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'
import type { ImapClient } from '../../fixtures/imap-session.ts'

/** Sequence number → UID and flags, as far as the client has heard. */
interface Known { uid?: number; flags?: string }

const canHearExpunge = (command: string): boolean => !/^(FETCH|STORE|SEARCH) /.test(command)

class Believer {
  readonly client: ImapClient
  messages: Known[] = []

  constructor(client: ImapClient) { this.client = client }

  async say(command: string): Promise<string> {
    const lines = await this.client.say(command)
    for (const line of lines.slice(0, -1)) this.#hear(line, command)
    return lines.at(-1)!
  }

  /** A command with a sequence number that the client has, if it has any. */
  async sayOf(pick: number, command: (seq: number) => string): Promise<void> {
    if (this.messages.length === 0) return
    const answer = await this.say(command(1 + (pick % this.messages.length)))
    if (answer.startsWith('BAD')) throw new Error(`${answer}: the client has a number that the server does not know`)
  }

  #hear(line: string, command: string): void {
    const [, number, what, rest = ''] = /^\* (\d+) (EXISTS|EXPUNGE|RECENT|FETCH)(.*)$/.exec(line) ?? []
    const seq = Number(number)
    if (what === 'EXISTS') {
      if (seq < this.messages.length && !command.startsWith('SELECT')) throw new Error(`${line} while ${this.messages.length} were known`)
      while (this.messages.length < seq) this.messages.push({})
    } else if (what === 'EXPUNGE') {
      if (!canHearExpunge(command)) throw new Error(`${line} in answer to ${command}`)
      if (seq < 1 || seq > this.messages.length) throw new Error(`${line} while ${this.messages.length} were known`)
      this.messages.splice(seq - 1, 1)
    } else if (what === 'FETCH') {
      const message = this.messages[seq - 1]
      if (!message) throw new Error(`${line} while ${this.messages.length} were known`)
      const uid = /UID (\d+)/.exec(rest)?.[1]
      if (uid !== undefined && message.uid !== undefined && message.uid !== Number(uid)) throw new Error(`${line}: the UID was ${message.uid}`)
      if (uid !== undefined) message.uid = Number(uid)
      const flags = /FLAGS \(([^)]*)\)/.exec(rest)?.[1]
      if (flags !== undefined) message.flags = flags.split(' ').filter((flag) => flag !== '\\Recent').sort().join(' ')
    }
  }

  toString(): string { return this.messages.map(({ uid, flags }) => `${uid} (${flags})`).join(', ') }

  /** Asks for what it does not know, as clients do. */
  async learn(): Promise<void> {
    const unknown = this.messages.flatMap(({ uid, flags }, i) => (uid === undefined || flags === undefined ? [i + 1] : []))
    if (unknown.length > 0) await this.say(`FETCH ${unknown.join(',')} (UID FLAGS)`)
  }
}

const flag = fc.constantFrom('\\Seen', '\\Deleted', '\\Flagged', '$Todo')
const step = fc.record({
  session: fc.nat(2),
  pick: fc.nat(20),
  flag,
  do: fc.constantFrom('append', 'append', 'noop', 'noop', 'store', 'store', 'silent', 'uidstore', 'expunge', 'fetch', 'uidfetch', 'read', 'search', 'learn'),
})

async function take(b: Believer, s: { do: string; pick: number; flag: string }): Promise<void> {
  switch (s.do) {
    case 'append': await b.say(`APPEND INBOX ${s.pick % 3 === 0 ? '(\\Seen) ' : ''}{14+}\r\nSubject: x\r\n\r\n`); break
    case 'noop': await b.say('NOOP'); break
    case 'store': await b.sayOf(s.pick, (seq) => `STORE ${seq} +FLAGS (${s.flag})`); break
    // A client knows itself what it has done silently; this one asks, and of the same message: more may have come meanwhile.
    case 'silent': {
      const seq = 1 + (s.pick % Math.max(1, b.messages.length))
      await b.sayOf(seq - 1, () => `STORE ${seq} -FLAGS.SILENT (${s.flag})`)
      await b.sayOf(seq - 1, () => `FETCH ${seq} FLAGS`)
      break
    }
    case 'uidstore': await b.say(`UID STORE ${b.messages[s.pick % Math.max(1, b.messages.length)]?.uid ?? 1} FLAGS (${s.flag})`); break
    case 'expunge': await b.say('EXPUNGE'); break
    case 'fetch': await b.sayOf(s.pick, (seq) => `FETCH ${seq}:* FLAGS`); break
    case 'uidfetch': await b.say('UID FETCH 1:* FLAGS'); break
    case 'read': await b.sayOf(s.pick, (seq) => `FETCH ${seq} BODY[TEXT]`); break
    case 'search': await b.say('SEARCH UNSEEN'); break
    default: await b.learn()
  }
}

t.test('three sessions that believe what they are told agree at last', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
    const ends: (() => unknown)[] = []
    try {
      const { login } = await imapEngine({ teardown: (action) => ends.unshift(action) })
      const believers: Believer[] = []
      for (let i = 0; i < 3; i++) {
        const believer = new Believer(await login())
        if (i === 0) for (let n = 0; n < 3; n++) await append(believer.client)
        await believer.say('SELECT INBOX')
        await believer.learn()
        believers.push(believer)
      }
      for (const s of steps) await take(believers[s.session]!, s)
      for (const believer of believers) { await believer.say('NOOP'); await believer.learn() }
      const truth = new Believer(await login())
      await truth.say('SELECT INBOX')
      await truth.learn()
      for (const believer of believers) if (`${believer}` !== `${truth}`) throw new Error(`a client has ${believer}; the server ${truth}`)
    } finally {
      for (const end of ends) await end()
    }
  }), { numRuns: 60 })
  t.pass('60 histories')
})
