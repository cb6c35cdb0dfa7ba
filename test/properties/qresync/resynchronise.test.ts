// A client that keeps a copy of a mailbox, goes away, and comes back by QRESYNC: whatever others did meanwhile, whatever it says
// of what it knows, over restarts of the server and the loss of its local state, its copy ends as what the server has.
// RFC 7162 §3.2.5, §3.2.10, §4. While it is connected it believes what it hears untagged, and goes away without saying so.

import t from 'tap'
import fc from 'fast-check'
import fs from 'node:fs'
import path from 'node:path'
import { openUser } from '../../../actors/user/open-user.ts'
import type { UserActor } from '../../../actors/user/user.ts'
import { defaultSettings } from '../../../conf/settings.ts'
import type { Settings } from '../../../conf/settings.ts'
import { append } from '../../fixtures/imap-engine.ts'
import { ImapClient } from '../../fixtures/imap-session.ts'
import { smallWorld } from '../../fixtures/small-world.ts'
import type { SmallWorld } from '../../fixtures/small-world.ts'

let users = 0

/** A user on a server that can be restarted, and moved to another machine. */
class Server {
  readonly #world: SmallWorld
  readonly #settings: Settings
  readonly #home: string
  readonly #expungeLogRanges: number
  readonly #name = `u${++users}`
  #user: UserActor | undefined

  constructor(world: SmallWorld, expungeLogRanges: number) {
    this.#world = world
    this.#expungeLogRanges = expungeLogRanges
    this.#home = `${world.directory}/${this.#name}`
    this.#settings = {
      ...defaultSettings(), mail_location: `obox:${path.basename(world.directory)}/${this.#name}:INDEX=~/`, mail_temp_dir: `${world.directory}/tmp`,
      obox_fs: 'memory:', obox_index_fs: 'memory:', auth_mechanisms: ['plain'],
    }
  }

  async login(): Promise<ImapClient> {
    this.#user ??= await openUser(this.#world.effects, this.#settings, { user: this.#name, home: this.#home, fields: {} }, { limits: { expungeLogRanges: this.#expungeLogRanges } })
    const client = new ImapClient({ user: this.#user, effects: this.#world.effects, settings: this.#settings })
    await client.login()
    return client
  }

  async stop(): Promise<void> {
    await this.#user?.stop(5000)
    this.#user = undefined
  }

  /** Nothing but the store is left. */
  async move(): Promise<void> {
    await this.stop()
    fs.rmSync(this.#home, { recursive: true, force: true })
  }
}

type Saying = 'nothing' | 'uids' | 'uids and numbers' | 'numbers'

const numbersIn = (set: string): number[] => set.split(',').flatMap((range) => {
  const [first, last = first] = range.split(':').map(Number) as [number, number?]
  return Array.from({ length: last! - first + 1 }, (_, n) => first + n)
})

/** A client with a copy: flags by UID. */
class Copy {
  readonly flags = new Map<number, string>()
  #validity = 0
  #modseq = 0
  #exists = 0
  #client: ImapClient | undefined

  get uids(): number[] { return [...this.flags.keys()].sort((a, b) => a - b) }

  async connect(server: Server, saying: Saying): Promise<void> {
    this.#client = await server.login()
    await this.#say('ENABLE QRESYNC')
    await this.#say(`SELECT INBOX${this.#validity === 0 ? '' : ` (QRESYNC (${this.#validity} ${this.#modseq}${this.#known(saying)}))`}`)
    await this.#fetchNew()
  }

  async say(command: string): Promise<void> {
    await this.#say(command)
    await this.#fetchNew()
  }

  vanish(): void {
    this.#client?.hangup()
    this.#client = undefined
  }

  #known(saying: Saying): string {
    const { uids } = this
    if (uids.length === 0 || saying === 'nothing') return ''
    // Every second message, as clients that save space do.
    const some = uids.map((uid, at) => [at + 1, uid]).filter(([seq]) => seq! % 2 === 0 || seq === uids.length)
    const match = `(${some.map(([seq]) => seq).join()} ${some.map(([, uid]) => uid).join()})`
    return saying === 'uids' ? ` ${uids.join()}` : saying === 'numbers' ? ` ${match}` : ` ${uids.join()} ${match}`
  }

  async #fetchNew(): Promise<void> {
    for (let tries = 0; this.flags.size < this.#exists; tries++) {
      // The answer may tell of expunges and of still newer messages.
      if (tries === 3) throw new Error(`${this.#exists} EXISTS, and there are only ${this.flags.size}`)
      await this.#say(`UID FETCH ${(this.uids.at(-1) ?? 0) + 1}:* (FLAGS)`)
    }
  }

  async #say(command: string): Promise<void> {
    const lines = await this.#client!.say(command)
    // What stands in the answer to a SELECT up to its end is told as one: its HIGHESTMODSEQ is true when all is heard.
    for (const line of lines) this.#hear(line)
    if (!/^(OK|NO \[EXPUNGEISSUED\])/.test(lines.at(-1)!)) throw new Error(`${command}: ${lines.at(-1)}`)
  }

  #hear(line: string): void {
    const code = /^(?:\* )?OK \[(\w+) (\d+)\]/.exec(line)
    if (code?.[1] === 'HIGHESTMODSEQ') this.#modseq = Number(code[2])
    if (code?.[1] === 'UIDVALIDITY') this.#validity = Number(code[2])
    const vanished = /^\* VANISHED( \(EARLIER\))? (\S+)$/.exec(line)
    if (vanished) {
      const uids = numbersIn(vanished[2]!)
      if (vanished[1] === undefined) this.#exists -= uids.length
      for (const uid of uids) this.flags.delete(uid)
    }
    const exists = /^\* (\d+) EXISTS$/.exec(line)
    if (exists) this.#exists = Number(exists[1])
    const [, uid, rest = ''] = /^\* \d+ FETCH \(UID (\d+) (.*)\)$/.exec(line) ?? []
    const flags = /FLAGS \(([^)]*)\)/.exec(rest)?.[1]
    if (uid !== undefined && flags !== undefined) this.flags.set(Number(uid), plain(flags))
    if (/EXPUNGE$/.test(line)) throw new Error(`${line} to a client with QRESYNC`)
  }
}

/** \Recent is a session's own. */
const plain = (flags: string): string => flags.split(' ').filter((flag) => flag !== '\\Recent').sort().join(' ')

/** What there is, as a client sees it that knows nothing. */
async function truth(server: Server): Promise<Map<number, string>> {
  const copy = new Copy()
  await copy.connect(server, 'nothing')
  copy.vanish()
  return copy.flags
}

type Step =
  | { kind: 'append'; count: number }
  | { kind: 'store'; from: number; count: number; flag: string; on: boolean }
  | { kind: 'expunge'; from: number; count: number; every: number }
  | { kind: 'move'; from: number }
  | { kind: 'own'; what: 'NOOP' | 'FETCH' | 'SEARCH' | 'STORE' | 'EXPUNGE'; from: number }
  | { kind: 'vanish' | 'restart' | 'move away' }
  | { kind: 'return'; saying: Saying }

const place = fc.nat(40)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('store' as const), from: place, count: fc.nat(5), flag: fc.constantFrom('\\Seen', '\\Flagged', '$Done'), on: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('expunge' as const), from: place, count: fc.nat(6), every: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), from: place }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('own' as const), what: fc.constantFrom('NOOP' as const, 'FETCH' as const, 'SEARCH' as const, 'STORE' as const, 'EXPUNGE' as const), from: place }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('vanish' as const, 'vanish' as const, 'restart' as const, 'move away' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('return' as const), saying: fc.constantFrom<Saying>('nothing', 'uids', 'uids and numbers', 'numbers') }) },
)

class Play {
  readonly #server: Server
  readonly #copy = new Copy()
  #connected = false
  #other: ImapClient | undefined

  constructor(server: Server) { this.#server = server }

  async #others(): Promise<ImapClient> {
    if (this.#other === undefined) {
      this.#other = await this.#server.login()
      await this.#other.say('SELECT INBOX')
    }
    return this.#other
  }

  async #away(): Promise<void> {
    this.#copy.vanish()
    this.#connected = false
    this.#other?.hangup()
    this.#other = undefined
  }

  async return(saying: Saying): Promise<void> {
    if (this.#connected) this.#copy.vanish()
    await this.#copy.connect(this.#server, saying)
    this.#connected = true
  }

  /** Its UIDs as the others see them, from a place on. */
  async #some(from: number, count: number, every = 1): Promise<number[]> {
    const uids = ((await (await this.#others()).say('UID SEARCH ALL'))[0] ?? '').split(' ').slice(2).map(Number)
    const start = uids.length === 0 ? 0 : from % uids.length
    return uids.slice(start, start + count * every + 1).filter((_, at) => at % every === 0)
  }

  async step(step: Step): Promise<void> {
    const other = await this.#others()
    switch (step.kind) {
      case 'append': for (let n = 0; n < step.count; n++) await append(other); return
      case 'store': {
        const uids = await this.#some(step.from, step.count)
        if (uids.length > 0) await other.say(`UID STORE ${uids.join()} ${step.on ? '+' : '-'}FLAGS.SILENT (${step.flag})`)
        return
      }
      case 'expunge': {
        const uids = await this.#some(step.from, step.count, step.every)
        if (uids.length === 0) return
        await other.say(`UID STORE ${uids.join()} +FLAGS.SILENT (\\Deleted)`)
        await other.say(`UID EXPUNGE ${uids.join()}`)
        return
      }
      case 'move': {
        const uids = await this.#some(step.from, 1)
        if (uids.length > 0) await other.say(`UID MOVE ${uids.join()} INBOX`)
        return
      }
      case 'own': if (this.#connected) await this.#own(step.what, step.from); return
      case 'vanish': this.#copy.vanish(); this.#connected = false; return
      case 'restart': await this.#away(); return this.#server.stop()
      case 'move away': await this.#away(); return this.#server.move()
      case 'return': return this.return(step.saying)
    }
  }

  async #own(what: string, from: number): Promise<void> {
    const { uids } = this.#copy
    const uid = uids.length === 0 ? undefined : uids[from % uids.length]
    if (what === 'NOOP' || uid === undefined) await this.#copy.say('NOOP')
    else if (what === 'FETCH') await this.#copy.say('FETCH 1:* (UID FLAGS MODSEQ)')
    else if (what === 'SEARCH') await this.#copy.say('SEARCH MODSEQ 1')
    else if (what === 'STORE') await this.#copy.say(`UID STORE ${uid} -FLAGS (\\Seen)`)
    else {
      await this.#copy.say(`UID STORE ${uid} +FLAGS (\\Deleted)`)
      await this.#copy.say(`UID EXPUNGE ${uid}`)
    }
  }

  async compare(): Promise<void> {
    const there = await truth(this.#server)
    const seen = this.#copy.flags
    const missing = [...there.keys()].filter((uid) => !seen.has(uid))
    const ghosts = [...seen.keys()].filter((uid) => !there.has(uid))
    const differing = [...there].filter(([uid, flags]) => seen.has(uid) && seen.get(uid) !== flags)
    if (missing.length + ghosts.length + differing.length > 0) {
      throw new Error(`missing ${missing.join()}; not there any more ${ghosts.join()}; other flags: ${differing.map(([uid, flags]) => `${uid} has ${flags}, not ${seen.get(uid)}`).join('; ')}`)
    }
  }

  async end(): Promise<void> {
    await this.#away()
    await this.#server.stop()
  }
}

for (const [expungeLogRanges, remembers] of [[1000, 'all expunges'], [4, 'few expunges']] as const) {
  t.test(`a client that comes back ends with what there is, where the mailbox remembers ${remembers}`, async (t) => {
    const world = smallWorld(t)
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.constantFrom<Saying>('nothing', 'uids', 'uids and numbers', 'numbers'), async (steps, saying) => {
      const play = new Play(new Server(world, expungeLogRanges))
      try {
        await play.step({ kind: 'append', count: 4 })
        await play.return('nothing')
        for (const one of steps) await play.step(one)
        await play.return(saying)
        await play.compare()
      } finally {
        await play.end()
      }
    }), { numRuns: 60 })
    t.pass('60 clients')
  })
}
