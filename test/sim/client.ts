// A client at random: a session that opens a mailbox, acts on it and listens, and now and then delivers or tidies the
// folders. What it was told goes into the model; what it was not told goes there as uncertain.

import type { AppendResult, CopyResult, Draft, Mailbox, MailboxHandle } from '../../actors/user/types.ts'
import type { Body } from '../../runtime/effects.ts'
import { limits } from '../../runtime/limits.ts'
import type { SimRandom } from '../../runtime/sim/random.ts'
import { internalDateOf, mail } from './content.ts'
import { flagSet } from './flags.ts'
import { changeTree } from './folders.ts'
import type { Life, Outcome } from './life.ts'
import { flagNames } from './mailbox-model.ts'
import type { MailboxModel } from './mailbox-model.ts'
import { readMail } from './read.ts'
import { Register } from './register.ts'
import { Replay } from './replay.ts'
import { promised } from './violation.ts'

/** What the clients of all lives share. */
export interface Supply { nextMail: number }

/** Kinds of actions and how often they are taken. */
const weights = { append: 14, deliver: 14, store: 24, expunge: 9, copy: 7, move: 9, read: 10, select: 9, tree: 5 } as const
const actions = (Object.keys(weights) as (keyof typeof weights)[]).flatMap((name) => Array<keyof typeof weights>(weights[name]).fill(name))

export class Client {
  readonly name: string
  readonly #life: Life
  readonly #dice: SimRandom
  readonly #supply: Supply
  #handle: MailboxHandle | undefined
  #replay: Replay | undefined

  constructor(name: string, life: Life, dice: SimRandom, supply: Supply) {
    this.name = name
    this.#life = life
    this.#dice = dice
    this.#supply = supply
  }

  /** Takes `steps` random actions, or fewer if the process dies. */
  async act(steps: number): Promise<void> {
    const detach = this.#life.user.attach({ id: this.name, service: 'imap', closing: () => {} })
    for (let step = 0; step < steps && !this.#life.process.dead; step++) {
      await this.#life.world.sleep(this.#dice.below(100))
      if (this.#life.process.dead) break
      await this.#one()
      this.#replay?.check()
    }
    if (!this.#life.process.dead) detach()
  }

  /** With nothing under way: what it has heard must be what there is. */
  compare(): void { this.#replay?.compare() }

  close(): void {
    this.#replay?.close()
    this.#handle?.close()
    this.#replay = this.#handle = undefined
  }

  async #one(): Promise<void> {
    const action = this.#dice.pick(actions)
    if (action === 'append') return this.#append()
    if (action === 'deliver') return this.#deliver()
    if (action === 'tree') return this.#life.exclusive(() => changeTree(this.#life, this.name, this.#dice))
    if (action === 'select' || this.#handle === undefined || this.#replay?.gone === true) return this.#select()
    if (action === 'store') return this.#store()
    if (action === 'expunge') return this.#expunge()
    if (action === 'read') return this.#read()
    return this.#copy(action === 'move')
  }

  async #select(): Promise<void> {
    this.close()
    const name = this.#anyName()
    const opened = await this.#life.attempt(this.name, `open ${name}`, () => this.#life.user.open(this.#life.context(this.name, 'imap:cmd_select'), name))
    if (opened.kind !== 'done') return
    this.#handle = opened.value
    this.#replay = new Replay(opened.value.mailbox)
    this.#life.model.remembered.visit(opened.value.mailbox)
    if (this.#dice.chance(0.7)) this.#claimRecent(opened.value.mailbox)
  }

  /** No mail is \Recent for two who claim it. */
  #claimRecent(mailbox: Mailbox): void {
    const { claimed } = this.#life
    const readOnly = this.#dice.chance(0.2)
    const first = mailbox.claimRecent(readOnly)
    promised(first >= (claimed.get(mailbox) ?? 0), () => `${mailbox.name}: UID ${first} is \\Recent twice`)
    const { uids, count } = mailbox.messages.uidList()
    if (!readOnly) claimed.set(mailbox, Math.max(first, (uids[count - 1] ?? 0) + 1))
  }

  /** Puts one mail with flags into this mailbox. */
  async deliverTo(name: string): Promise<void> { await this.#append(name, [this.#draft(0.5)]) }

  async #append(name = this.#anyName(), sketches = Array.from({ length: this.#dice.pick([1, 1, 1, 2, 3]) }, () => this.#draft())): Promise<void> {
    const { drafts, discard } = await this.#write(sketches)
    const began = this.#begin(name)
    const outcome = await this.#life.attempt(this.name, `append ${name} mails ${sketches.map(({ id }) => id).join()}`,
      () => this.#life.user.append(this.#life.context(this.name, 'imap:cmd_append'), name, drafts))
    discard()
    this.#stored(name, began, sketches, outcome)
  }

  async #deliver(): Promise<void> {
    const sketch = this.#draft(0)
    const { drafts, discard } = await this.#write([sketch])
    const began = this.#begin('INBOX')
    const delivery = { draft: drafts[0] as Draft, from: 'sender@example.org', to: this.#life.user.account.user, session: this.name }
    const outcome = await this.#life.attempt(this.name, `deliver mail ${sketch.id}`,
      () => this.#life.user.deliver(this.#life.context(this.name, 'lmtp:cmd_data'), delivery))
    discard()
    this.#stored('INBOX', began, [sketch],
      outcome.kind === 'done' ? { kind: 'done', value: { uidValidity: outcome.value.uidValidity, uids: [outcome.value.uid] } } : outcome)
  }

  /** Enters into the model what became of drafts. */
  #stored(name: string, began: Began, drafts: Sketch[], outcome: Outcome<AppendResult>): void {
    const { model } = this.#life
    if (outcome.kind === 'refused') {
      promised(began.mailboxes.size === 0 || model.named(name).every((mailbox) => !began.mailboxes.has(mailbox) || mailbox.names.has(undefined)),
        () => `${name} is there, and refuses a mail: ${outcome.error.message}`)
      return
    }
    if (outcome.kind !== 'done') {
      for (const mailbox of new Set([...began.mailboxes, ...model.named(name)])) for (const { id } of drafts) mailbox.maybe(id)
      return
    }
    const { uidValidity, uids } = outcome.value
    promised(uids.length === drafts.length, () => `${drafts.length} drafts became UIDs ${uids.join()}`)
    const mailbox = model.byUidValidity(uidValidity)
    promised(mailbox.deletedAt === undefined || mailbox.deletedAt > began.moment, () => `mails were stored in ${name} after it was deleted`)
    mailbox.received(began.moment)
    for (const [at, { id, flags }] of drafts.entries()) {
      mailbox.acknowledge(uids[at] as number, id, flagsFrom(flags, began.moment, model.tick()))
    }
  }

  async #store(): Promise<void> {
    const { mailbox, uids, known } = this.#choose()
    if (known === undefined || uids.length === 0) return
    const mode = this.#dice.pick(['add', 'remove', 'replace'] as const)
    const flags = new Set(flagNames.filter(() => this.#dice.chance(0.3)))
    const unchangedSince = this.#dice.chance(0.2) ? Math.max(1, mailbox.highestModseq - this.#dice.below(5)) : undefined
    const condition = unchangedSince === undefined ? {} : { unchangedSince }
    const { model } = this.#life
    const now = model.tick()
    const touched = flagNames.filter((flag) => mode === 'replace' || flags.has(flag))
    const pending = uids.map((uid) => ({ uid, writes: touched.map((flag) => known.beginFlag(uid, flag, mode === 'remove' ? false : flags.has(flag), now)) }))
    const outcome = await this.#life.attempt(this.name, `store ${mailbox.name} ${uids.join()} ${mode} ${[...flags].join(' ')}`,
      () => mailbox.store(this.#life.context(this.name, 'imap:cmd_store'), uids, { mode, flags: flagSet(flags), by: this, ...condition }))
    if (outcome.kind === 'died') return
    const modified = new Set(outcome.kind === 'done' ? outcome.value.modified : [])
    promised(modified.size === 0 || unchangedSince !== undefined, () => `an unconditional store left ${[...modified].join()} alone`)
    for (const { uid, writes } of pending) {
      // Where the mail was taken away meanwhile nothing was written; a later observation says so.
      const acknowledged = outcome.kind === 'done' && mailbox.messages.rowOf(uid) >= 0
      for (const write of writes) {
        if (modified.has(uid)) write.withdraw()
        else write.settle(acknowledged, model.tick())
      }
    }
  }

  async #expunge(): Promise<void> {
    const { mailbox, uids, known } = this.#choose()
    if (known === undefined || uids.length === 0) return
    const { model } = this.#life
    for (const uid of uids) {
      known.doubt(uid)
      model.forget(known, uid)
    }
    const outcome = await this.#life.attempt(this.name, `expunge ${mailbox.name} ${uids.join()}`,
      () => mailbox.expunge(this.#life.context(this.name, 'imap:cmd_expunge'), uids))
    if (outcome.kind === 'died') return
    for (const uid of uids) {
      model.forget(known, uid)
      const there = mailbox.messages.rowOf(uid) >= 0
      promised(outcome.kind !== 'done' || !there, () => `${mailbox.name}: UID ${uid} is there after its expunge`)
      // Without a clear answer the doubt stays, unless the mail can be seen.
      if (outcome.kind === 'done' || there) known.settle(uid, outcome.kind === 'done' && outcome.value.includes(uid))
    }
  }

  async #copy(move: boolean): Promise<void> {
    const { mailbox, uids: all, known } = this.#choose()
    const uids = all.filter((uid) => known?.mailOf(uid) !== undefined)
    if (known === undefined || uids.length === 0) return
    const { model } = this.#life
    const to = this.#anyName()
    const began = this.#begin(to)
    const sources = new Map(uids.map((uid) => [uid, known.mailOf(uid) as number]))
    if (move) {
      const sure = uids.filter((uid) => known.isPromised(uid))
      for (const uid of uids) known.doubt(uid)
      model.moving(sure.map((uid) => sources.get(uid) as number))
    }
    const verb = move ? 'move' : 'copy'
    const outcome = await this.#life.attempt(this.name, `${verb} ${mailbox.name} ${uids.join()} to ${to}`,
      () => mailbox.copy(this.#life.context(this.name, `imap:cmd_${verb}`), uids, to, { move }))
    if (outcome.kind === 'done') this.#copied(known, sources, began.moment, outcome.value)
    if (outcome.kind === 'failed' || outcome.kind === 'died') {
      for (const target of new Set([...began.mailboxes, ...model.named(to)])) for (const one of sources.values()) target.maybe(one)
    }
    if (outcome.kind === 'refused') {
      for (const target of began.mailboxes) for (const one of sources.values()) target.leftovers.add(one)
    }
    if (!move || outcome.kind === 'died') return
    if (outcome.kind !== 'failed' || known.names.has(undefined)) model.settled(sources.values())
    for (const uid of uids) {
      const moved = outcome.kind === 'done' && outcome.value.sourceUids.includes(uid)
      if (outcome.kind !== 'failed' || mailbox.messages.rowOf(uid) >= 0) known.settle(uid, moved)
    }
  }

  /** Enters acknowledged copies into the model. `sources`: UID → mail. */
  #copied(from: MailboxModel, sources: ReadonlyMap<number, number>, began: number, { uidValidity, sourceUids, uids }: CopyResult): void {
    promised(sourceUids.length === uids.length, () => `copies of ${sourceUids.join()} are ${uids.join()}`)
    if (uids.length === 0) return
    const { model } = this.#life
    const target = model.byUidValidity(uidValidity)
    target.received(began)
    for (const [at, source] of sourceUids.entries()) {
      target.acknowledge(uids[at] as number, sources.get(source) as number, from.copyFlags(source, began, model.tick()))
    }
  }

  async #read(): Promise<void> {
    const { mailbox, uids, known } = this.#choose()
    const uid = uids[0]
    if (known === undefined || uid === undefined) return
    const outcome = await this.#life.attempt(this.name, `read ${mailbox.name} ${uid}`, () => readMail(this.#life, this.name, mailbox, uid))
    if (outcome.kind === 'refused') promised(mailbox.messages.rowOf(uid) < 0, () => `${mailbox.name}: UID ${uid} is there, and cannot be read: ${outcome.error.message}`)
    if (outcome.kind === 'done') known.saw(uid, outcome.value)
  }

  /** A few of the UIDs of the open mailbox. */
  #choose() {
    const { mailbox } = this.#handle as MailboxHandle
    const { uids, count } = mailbox.messages.uidList()
    const start = count === 0 ? 0 : this.#dice.below(count)
    const some = [...uids.subarray(start, Math.min(count, start + this.#dice.pick([1, 1, 2, 3, 8])))]
    return { mailbox, uids: some.filter(() => this.#dice.chance(0.8)), known: this.#life.model.mailboxes.get(mailbox.guid) }
  }

  #anyName(): string {
    const { user, model } = this.#life
    const names = user.list().filter(({ guid, noSelect }) => guid !== undefined && !noSelect && model.mailboxes.has(guid)).map(({ name }) => name)
    return this.#dice.chance(0.5) ? 'INBOX' : this.#dice.pick(names)
  }

  /** The moment at which a request into a mailbox begins, and which mailboxes its name may mean. */
  #begin(name: string): Began {
    return { moment: this.#life.model.tick(), mailboxes: new Set(this.#life.model.named(name)) }
  }

  #draft(flagChance = 0.15): Sketch {
    return { id: this.#supply.nextMail++, flags: new Set(flagNames.filter(() => this.#dice.chance(flagChance))) }
  }

  /** Makes drafts: bodies in memory, and now and then, as large ones are, in a spool file. */
  async #write(sketches: Sketch[]): Promise<{ drafts: Draft[]; discard(): void }> {
    const { files } = this.#life.effects
    const spools: string[] = []
    const drafts: Draft[] = []
    for (const { id, flags } of sketches) {
      const { bytes, summary } = mail(id)
      const internalDate = internalDateOf(id)
      const parts: Body['parts'] = [bytes.subarray(0, 100), bytes.subarray(100)]
      if (bytes.length > limits.memoryBodyBytes || this.#dice.chance(0.05)) {
        const path = files.temporary('/tmp')
        spools.push(path)
        // Where the disk is full the mail stays in memory: how mails are spooled is not what is tested here.
        const spooled = await files.append(path, bytes).then(() => true, () => false)
        if (spooled) parts.splice(1, 1, { path, offset: 100, length: bytes.length - 100 })
      }
      drafts.push({ body: { size: bytes.length, parts }, summary, flags: flagSet(flags), ...(internalDate === undefined ? {} : { internalDate }) })
    }
    return { drafts, discard: () => { for (const path of spools) files.remove(path).catch(() => {}) } }
  }
}

/** A mail that is going to be stored. */
interface Sketch { id: number; flags: ReadonlySet<string> }
interface Began { moment: number; mailboxes: Set<MailboxModel> }

function flagsFrom(flags: ReadonlySet<string>, began: number, ended: number): Map<string, Register> {
  return new Map([...flags].map((flag) => {
    const register = new Register()
    register.begin(true, began).settle(true, ended)
    return [flag, register]
  }))
}
