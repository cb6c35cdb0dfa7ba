// What a client hears by NOTIFY is what happens: whatever another session does to whatever mailboxes, a client that only listens ends
// with the messages, flags, figures and names that the server has. RFC 5465 §5.

import t from 'tap'
import fc from 'fast-check'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'
import type { ImapClient } from '../../fixtures/imap-session.ts'

const boxes = ['INBOX', 'a', 'b', 'c']

/** What a client knows that never asks. The last of a kind wins. */
class Listener {
  readonly client: ImapClient
  readonly #delayed: boolean
  #inCommand = false
  /** UID and flags by sequence number in the selected mailbox. */
  messages: { uid: string; flags: string }[] = []
  figures = new Map<string, Record<string, string>>()
  names = new Set<string>()
  #heard = 0

  constructor(client: ImapClient, delayed: boolean) {
    this.client = client
    this.#delayed = delayed
  }

  async say(command: string): Promise<void> {
    this.#inCommand = true
    const answer = (await this.client.say(command)).at(-1)!
    this.listen()
    this.#inCommand = false
    if (!answer.startsWith('OK')) throw new Error(`${command}: ${answer}`)
  }

  /** Takes in everything heard up to now. */
  listen(): void {
    const whole = this.client.heard.lastIndexOf('\r\n') + 2
    for (const line of this.client.heard.slice(this.#heard, whole).split('\r\n')) this.#hear(line)
    this.#heard = whole
  }

  #hear(line: string): void {
    const [, number, what, rest = ''] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)$/.exec(line) ?? []
    const seq = Number(number)
    if (what === 'EXISTS') {
      if (seq < this.messages.length) throw new Error(`${line} while ${this.messages.length} were known`)
      while (this.messages.length < seq) this.messages.push({ uid: '', flags: '' })
    } else if (what === 'EXPUNGE') {
      if (this.#delayed && !this.#inCommand) throw new Error(`${line} between commands`)
      if (seq < 1 || seq > this.messages.length) throw new Error(`${line} while ${this.messages.length} were known`)
      this.messages.splice(seq - 1, 1)
    } else if (what === 'FETCH') {
      const message = this.messages[seq - 1]
      const uid = /UID (\d+)/.exec(rest)?.[1]
      if (message === undefined || uid === undefined || (message.uid !== '' && message.uid !== uid)) throw new Error(`${line}, where ${message?.uid} is`)
      Object.assign(message, { uid, flags: /FLAGS \(([^)]*)\)/.exec(rest)![1]!.split(' ').filter((flag) => flag !== '' && flag !== '\\Recent').sort().join(' ') })
    }
    const [, name, items = ''] = /^\* STATUS (\S+) \((.*)\)$/.exec(line) ?? []
    if (name !== undefined) {
      const known = this.figures.get(name) ?? {}
      for (const [, item, value] of items.matchAll(/(\S+) (\S+)/g)) known[item!] = value!
      this.figures.set(name, known)
    }
    const [, attributes = '', listed, oldName] = /^\* LIST \(([^)]*)\) "\/" (\S+)(?: \("OLDNAME" \((\S+)\)\))?$/.exec(line) ?? []
    if (listed === undefined) return
    if (attributes.includes('\\NonExistent')) {
      this.names.delete(listed)
      // Its name may come again, for another mailbox.
      this.figures.delete(listed)
    } else {
      this.names.add(listed)
    }
    if (oldName === undefined) return
    this.names.delete(oldName)
    const figures = this.figures.get(oldName)
    this.figures.delete(oldName)
    if (figures === undefined) this.figures.delete(listed)
    else this.figures.set(listed, figures)
  }
}

const step = fc.record({
  do: fc.constantFrom('append', 'append', 'append', 'flag', 'flag', 'expunge', 'move', 'rename', 'create', 'delete', 'listen', 'noop', 'idle', 'rest', 'rest'),
  box: fc.constantFrom(...boxes), pick: fc.nat(5), flag: fc.constantFrom('\\Seen', '\\Flagged', '$Todo'),
})

/** What another session does. Names that are not there any more are answered NO, and nothing happens. */
async function act(other: ImapClient, s: { do: string; box: string; pick: number; flag: string }): Promise<void> {
  const selected = async (command: string): Promise<void> => {
    if ((await other.say(`SELECT ${s.box}`)).at(-1)!.startsWith('OK')) await other.say(command)
  }
  switch (s.do) {
    case 'append': await append(other, s.box, s.pick === 0 ? '(\\Seen)' : ''); break
    case 'flag': await selected(`UID STORE 1:${s.pick + 1} ${s.pick % 2 === 0 ? '+' : '-'}FLAGS.SILENT (${s.flag})`); break
    case 'expunge': await selected(`UID STORE ${s.pick + 1} +FLAGS.SILENT (\\Deleted)`); await selected('EXPUNGE'); break
    case 'move': await selected(`UID MOVE ${s.pick + 1}:${s.pick + 2} ${boxes[s.pick % boxes.length]!}`); break
    case 'rename': if (s.box !== 'INBOX') await other.say(`RENAME ${s.box} ${boxes[1 + (s.pick % 3)]!}`); break
    case 'create': if (s.box !== 'INBOX') await other.say(`CREATE ${s.box}`); break
    case 'delete': if (s.box !== 'INBOX') { await other.say('UNSELECT'); await other.say(`DELETE ${s.box}`) } break
    default:
  }
}

/** Waits until what the client has heard is what there is: it is told in later turns. */
async function settled(listener: Listener, truth: ImapClient): Promise<void> {
  let why = ''
  for (let turn = 0; turn < 200; turn++) {
    await new Promise<void>((resolve) => { turn < 50 ? setImmediate(resolve) : setTimeout(resolve, 5) })
    listener.listen()
    why = await difference(listener, truth)
    if (why === '') return
  }
  throw new Error(why)
}

async function difference({ messages, figures, names }: Listener, truth: ImapClient): Promise<string> {
  await truth.say('UNSELECT')
  await truth.say('EXAMINE INBOX')
  const real = (await truth.say('FETCH 1:* (UID FLAGS)')).flatMap((line) => {
    const match = /UID (\d+) FLAGS \(([^)]*)\)/.exec(line)
    return match === null ? [] : [`${match[1]} ${match[2]!.split(' ').filter((flag) => flag !== '' && flag !== '\\Recent').sort().join(' ')}`]
  })
  const known = messages.map(({ uid, flags }) => `${uid} ${flags}`)
  if (known.join() !== real.join()) return `messages: the client has ${known.join()}; the server ${real.join()}`
  const listed = (await truth.say('LIST "" *')).flatMap((line) => /^\* LIST .* "\/" (\S+)$/.exec(line)?.[1] ?? [])
  if ([...names].sort().join() !== listed.sort().join()) return `names: the client has ${[...names].sort().join()}; the server ${listed.join()}`
  for (const name of listed) {
    if (name === 'INBOX') continue
    const status = (await truth.say(`STATUS ${name} (MESSAGES UIDNEXT UNSEEN)`))[0]!
    const now = Object.fromEntries([...status.matchAll(/(MESSAGES|UIDNEXT|UNSEEN) (\d+)/g)].map(([, item, value]) => [item!, value!]))
    // What has just been created is empty, and nobody says so.
    const heard = { MESSAGES: '0', UIDNEXT: '1', UNSEEN: '0', ...figures.get(name) }
    for (const [item, value] of Object.entries(now)) if (heard[item as keyof typeof heard] !== value) return `${name}: the client has ${JSON.stringify(heard)}; the server ${status}`
  }
  return ''
}

for (const filter of ['selected', 'selected-delayed']) {
  void t.test(`a client that only listens, ${filter}`, async (t) => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const ends: (() => unknown)[] = []
      try {
        const { login } = await imapEngine({ teardown: (action) => ends.unshift(action) }, { metacache_upload_interval: 1 }, { mailboxIdleMs: 0 })
        const [client, other, truth] = [await login(), await login(), await login()]
        for (const box of boxes.slice(1)) await other.say(`CREATE ${box}`)
        const listener = new Listener(client, filter === 'selected-delayed')
        listener.listen()
        await listener.say('LIST "" *')
        await listener.say('SELECT INBOX')
        await listener.say(`NOTIFY SET STATUS (${filter} (MessageNew (UID FLAGS) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge FlagChange MailboxName))`)
        for (const s of steps) {
          if (s.do === 'noop') await listener.say('NOOP')
          else if (s.do === 'idle') await listener.say('IDLE\r\nDONE')
          else if (s.do === 'listen') listener.listen()
          // All are put away, and INBOX is closed if nothing keeps it.
          else if (s.do === 'rest') for (const one of [client, other, truth]) one.time.pass(30_000)
          await act(other, s)
        }
        await new Promise<void>((resolve) => { setImmediate(resolve) })
        if (filter === 'selected-delayed') await listener.say('NOOP')
        await settled(listener, truth)
      } finally {
        for (const end of ends) await end()
      }
    }), { numRuns: 40 })
    t.pass('40 histories')
  })
}
