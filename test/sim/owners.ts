// One seed's story of two or three backends that have one user at the same time, as a broken director would have it: each is sent
// some of the requests, takes the user from the other, goes on for a while without knowing that it has lost it, dies, loses its
// disk. At the end the director is repaired, every backend has the user once more alone, and then nothing that was
// acknowledged may be missing, and all must say the same, from their disks and from the store alone.

import type { Account, Draft, MailboxHandle } from '../../actors/user/types.ts'
import type { UserActor } from '../../actors/user/user.ts'
import { defaultSettings } from '../../conf/settings.ts'
import type { Settings } from '../../conf/settings.ts'
import type { Effects, ObjectStore } from '../../runtime/effects.ts'
import type { Limits } from '../../runtime/limits.ts'
import { noFaults, usualFaults } from '../../runtime/sim/faults.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import { SimWorld } from '../../runtime/sim-effects.ts'
import type { SimEffects } from '../../runtime/sim-effects.ts'
import { Backend } from './backend.ts'
import { identify, mail } from './content.ts'
import { flagSet, flagsOf } from './flags.ts'
import { Ledger } from './ledger.ts'
import type { EndMailbox } from './ledger.ts'
import { outcomeOf } from './life.ts'
import type { Outcome } from './life.ts'
import { flagNames } from './mailbox-model.ts'
import { describe, emptied, forgetful, listingLag, memoryStore, until, withoutConditions } from './story.ts'
import { promised, Violation } from './violation.ts'

export interface OwnersOptions {
  /** Requests of all clients together (default 150). */
  steps?: number
  /** Conditions that the store forgets, of a hundred; else none. */
  forgets?: number
  /** For up to how long listings lag; else the seed says so. */
  lagMs?: number
  onTrace?(line: string): void
  sabotage?(effects: Effects): Effects
}

export interface OwnersFigures { requests: number; acknowledged: number; taken: number; lost: number; crashes: number; wipes: number; faults: number; mails: number; there: number; orphans: number }

export interface OwnersOutcome { seed: number; failure: string | undefined; figures: OwnersFigures; /** Faults by kind. */ kinds: ReadonlyMap<string, number>; traceHash: string; trace: string[] }

const account: Account = { user: 'user@example.com', home: '/mail/user', fields: {} }
const folders = ['Archive', 'Work', 'Sent'] as const
const actions = ['deliver', 'deliver', 'deliver', 'append', 'append', 'append', 'flag', 'flag', 'flag', 'unflag', 'expunge', 'move', 'copy', 'create', 'subscribe', 'rename', 'read', 'read'] as const

export async function tellOwners(seed: number, options: OwnersOptions = {}): Promise<OwnersOutcome> {
  const story = new OwnersStory(seed, options)
  let failure: string | undefined
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', onUnhandled)
  try {
    await story.tell(() => { if (unhandled.length > 0) throw new Violation(`nobody handles: ${describe(unhandled[0])}`) })
  } catch (error) {
    failure = describe(error)
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
  const outcome = { seed, failure, ...story.result() }
  await story.forget()
  return outcome
}

class OwnersStory {
  readonly #dice: SimRandom
  readonly #world: SimWorld
  readonly #store: ObjectStore
  readonly #backends: readonly Backend[]
  readonly #fsync: Settings['mail_fsync']
  readonly #ledger = new Ledger()
  readonly #options: OwnersOptions
  readonly #figures = { requests: 0, acknowledged: 0, taken: 0, lost: 0, there: 0, orphans: 0 }
  #check: () => void = () => {}
  #nextMail = 1

  constructor(seed: number, options: OwnersOptions) {
    this.#options = options
    this.#store = memoryStore(() => this.#world)
    const { forgets = 0 } = options
    const store = forgets > 0 ? forgetful(this.#store, new SimRandom(seed, 'forgetful'), forgets) : seed % 5 === 0 ? withoutConditions(this.#store) : this.#store
    this.#world = new SimWorld(seed, store, {
      faults: { ...usualFaults, listingLagMs: forgets > 0 ? 0 : listingLag(seed, options) },
      ...(options.onTrace === undefined ? {} : { onTrace: options.onTrace }),
      onEvent: ({ name }) => { if (name === 'user.taken') this.#figures.taken++ },
    })
    this.#ledger.forgetful = forgets > 0
    const dice = this.#dice = this.#world.random('owners')
    const settings: Settings = {
      ...defaultSettings(), obox_fs: 'memory:', obox_index_fs: 'memory:', mail_location: 'obox:mail/user:INDEX=~/',
      mail_fsync: dice.pick(['never', 'optimized', 'always'] as const), metacache_delay_uploads: dice.chance(0.7),
      metacache_upload_interval: dice.pick([5_000, 300_000]),
    }
    this.#fsync = settings.mail_fsync
    const limits: Partial<Limits> = dice.chance(0.3) ? {} : { journalBytes: 2000, uidReserveManifest: 50, uidReserveBundle: 40, uidReserveJournal: 3, mailboxIdleMs: 300, userIdleMs: 1000 }
    const onLost = (): void => { this.#figures.lost++ }
    const doors = (effects: SimEffects): Effects => options.sabotage?.(effects) ?? effects
    this.#backends = Array.from({ length: dice.pick([2, 2, 3]) }, (_, at) => new Backend(this.#world.machine(`backend${at}`), { settings, account, limits, doors, onLost }))
  }

  result(): Omit<OwnersOutcome, 'seed' | 'failure'> {
    const { crashes, wipes, faults } = this.#world.counts
    return { figures: { ...this.#figures, crashes, wipes, faults, mails: this.#ledger.checked }, kinds: this.#world.kinds, traceHash: this.#world.traceHash(), trace: this.#world.recentTrace() }
  }

  forget(): Promise<void> { return emptied(this.#store) }

  async tell(check: () => void): Promise<void> {
    this.#check = check
    const steps = Math.ceil((this.#options.steps ?? 150) / 3)
    await this.#until(Promise.all([this.#client('a', steps), this.#client('b', steps), this.#client('c', steps), this.#fate(steps)]))
    await this.#goodEnd()
  }

  /** A client whose requests the director sends now here, now there. */
  async #client(name: string, steps: number): Promise<void> {
    const dice = this.#dice.fork(name)
    let backend = dice.pick(this.#backends)
    for (let step = 0; step < steps; step++) {
      await this.#world.sleep(dice.chance(0.1) ? dice.below(30_000) : dice.below(2000))
      if (dice.chance(0.3)) backend = dice.pick(this.#backends)
      const { process } = backend
      const opened = await this.#attempt(backend, 'open user', () => backend.user())
      if (opened.kind !== 'done' || backend.process !== process) continue
      await this.#act(dice.pick(actions), backend, opened.value, dice, name)
    }
  }

  /** What happens to the backends meanwhile. */
  async #fate(steps: number): Promise<void> {
    const dice = this.#dice.fork('fate')
    for (let events = dice.between(0, 4); events > 0; events--) {
      await this.#world.sleep(dice.below(steps * 1000))
      const backend = dice.pick(this.#backends)
      const wipe = dice.chance(0.4)
      if (dice.chance(0.2)) this.#world.takeStoreDown(dice.between(1000, 60_000))
      else if (dice.chance(0.2)) await outcomeOf(this.#world, backend.process, 'stop', () => backend.stop())
      else {
        const blackout = !wipe && dice.chance(0.5)
        // What is not forced to disk may be older then.
        if (wipe || (blackout && this.#fsync !== 'always')) this.#ledger.lostDisk = true
        backend.crash(wipe ? 'wipe' : blackout ? 'blackout' : 'kill')
      }
    }
  }

  async #act(action: typeof actions[number], backend: Backend, user: UserActor, dice: SimRandom, session: string): Promise<void> {
    const context = { user: account.user, session, reason: `sim:${action}` }
    const name = this.#anyName(user, dice)
    const guid = user.find(name)?.guid
    if (guid === undefined) return
    const ledger = this.#ledger
    if (action === 'deliver' || action === 'append') {
      const id = this.#nextMail++
      const flags = new Set(action === 'append' ? flagNames.filter(() => dice.chance(0.15)) : [])
      const { bytes, summary } = mail(id)
      const draft: Draft = { body: { size: bytes.length, parts: [bytes] }, summary, flags: flagSet(flags) }
      const inbox = user.find('INBOX')!.guid!
      const target = action === 'deliver' ? inbox : guid
      ledger.attempt(target, id)
      const outcome = action === 'deliver'
        ? await this.#attempt(backend, `deliver ${id}`, async () => {
          const { uidValidity, uid } = await user.deliver(context, { draft, from: 'sender@example.org', to: account.user, session })
          return { uidValidity, uids: [uid] }
        })
        : await this.#attempt(backend, `append ${id} to ${name}`, () => user.append(context, name, [draft]))
      // A name may mean another mailbox by the time it is looked up: the acknowledgement says which.
      if (outcome.kind === 'done') ledger.acknowledge(this.#guidOf(outcome.value.uidValidity, target), outcome.value.uidValidity, outcome.value.uids[0]!, id, flags)
      return
    }
    if (action === 'create') {
      const fresh = dice.pick(folders)
      const outcome = await this.#attempt(backend, `create ${fresh}`, () => user.create(context, fresh))
      if (outcome.kind === 'done') ledger.created(outcome.value.guid!, fresh)
      return
    }
    if (action === 'subscribe') {
      const outcome = await this.#attempt(backend, `subscribe ${name}`, () => user.subscribe(context, name))
      if (outcome.kind === 'done') ledger.subscribed(name)
      return
    }
    if (action === 'rename') {
      if (name === 'INBOX') return
      ledger.renaming(guid)
      await this.#attempt(backend, `rename ${name}`, () => user.rename(context, name, `${name}x`))
      return
    }
    const opened = await this.#attempt(backend, `select ${name}`, () => user.open(context, name))
    if (opened.kind !== 'done') return
    try { await this.#actOn(action, backend, user, opened.value, dice, context) } finally { if (!backend.process.dead) opened.value.close() }
  }

  async #actOn(action: typeof actions[number], backend: Backend, user: UserActor, { mailbox }: MailboxHandle, dice: SimRandom, context: { user: string; session: string; reason: string }): Promise<void> {
    const { uids, count } = mailbox.messages.uidList()
    if (count === 0) return
    const ledger = this.#ledger
    const uid = uids[dice.below(count)]!
    const { guid } = mailbox
    const read = await this.#attempt(backend, `read ${mailbox.name} ${uid}`, () => this.#read(mailbox, uid, context))
    if (read.kind !== 'done') return
    const id = read.value
    ledger.means(guid, mailbox.uidValidity, uid, id)
    const flag = dice.pick(flagNames)
    if (action === 'flag' || action === 'unflag') {
      const mode = action === 'flag' ? 'add' : 'remove'
      if (mode === 'remove') ledger.unflagging(guid, id, flag)
      const outcome = await this.#attempt(backend, `${action} ${mailbox.name} ${uid} ${flag}`, () => mailbox.store(context, [uid], { mode, flags: flagSet(new Set([flag])) }))
      if (outcome.kind === 'done' && mode === 'add' && mailbox.messages.rowOf(uid) >= 0) ledger.flagged(guid, id, flag)
    }
    if (action === 'expunge') {
      ledger.removing(guid, id)
      const outcome = await this.#attempt(backend, `expunge ${mailbox.name} ${uid}`, () => mailbox.expunge(context, [uid]))
      if (outcome.kind === 'done') ledger.expunged(guid, uid)
    }
    if (action === 'move' || action === 'copy') {
      const to = this.#anyName(user, dice)
      const target = user.find(to)?.guid
      if (target === undefined) return
      if (action === 'move') ledger.removing(guid, id)
      ledger.attempt(target, id)
      const outcome = await this.#attempt(backend, `${action} ${mailbox.name} ${uid} to ${to}`, () => mailbox.copy(context, [uid], to, { move: action === 'move' }))
      if (outcome.kind !== 'done' || outcome.value.uids.length === 0) return
      // A copy has the flags that the original had here; others may have changed them elsewhere.
      ledger.acknowledge(this.#guidOf(outcome.value.uidValidity, target), outcome.value.uidValidity, outcome.value.uids[0]!, id, [])
    }
  }

  async #read(mailbox: MailboxHandle['mailbox'], uid: number, context: { user: string; session: string; reason: string }): Promise<number> {
    const chunks: Uint8Array[] = []
    for await (const chunk of await mailbox.read(context, uid)) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const id = identify(bytes)
    promised(id !== undefined, () => `${mailbox.name}: UID ${uid} reads as none of our mails: ${bytes.length} bytes`)
    return id
  }

  #anyName(user: UserActor, dice: SimRandom): string {
    const names = user.list().filter(({ guid, noSelect }) => guid !== undefined && !noSelect).map(({ name }) => name)
    return dice.chance(0.6) ? 'INBOX' : dice.pick(names)
  }

  readonly #guids = new Map<number, string>()

  /** The mailbox of a UIDVALIDITY; `likely` where it is not known yet. */
  #guidOf(uidValidity: number, likely: string): string {
    const known = this.#guids.get(uidValidity)
    if (known === undefined) this.#guids.set(uidValidity, likely)
    return known ?? likely
  }

  async #attempt<T>(backend: Backend, what: string, request: () => Promise<T>): Promise<Outcome<T>> {
    const { process } = backend
    this.#figures.requests++
    this.#world.trace(`${process.name}: ${what}`)
    const outcome = await outcomeOf(this.#world, process, what, request)
    if (outcome.kind === 'done') this.#figures.acknowledged++
    this.#world.trace(`${process.name}: ${what}: ${outcome.kind}${'error' in outcome ? ` ${outcome.error.message}` : ''}`)
    return outcome
  }

  /** Nothing goes wrong any more, and every backend has the user alone for a while, twice. */
  async #goodEnd(): Promise<void> {
    const { lateMs, listingLagMs } = this.#world.faults
    this.#world.faults = { ...noFaults, listingLagMs }
    await this.#until(this.#world.sleep(Math.max(lateMs, 90_000)))
    for (let round = 0; round < 2; round++) for (const backend of this.#backends) await this.#alone(backend, 600_000)
    const last = this.#backends[0]!
    // Where nobody has noticed that conditions were forgotten, mails are found by force-resync.
    if (this.#ledger.forgetful) await this.#until(this.#open(last).then((user) => user.receive({ kind: 'verify', account, fix: true })))
    const found = await this.#everything(last)
    this.#ledger.compare(found.mailboxes, found.subscribed)
    this.#figures.there = found.mailboxes.reduce((sum, { rows }) => sum + rows.length, 0)
    await this.#until(last.stop())
    for (const backend of this.#backends) backend.crash('wipe')
    const again = await this.#everything(last)
    promised(JSON.stringify(plain(found)) === JSON.stringify(plain(again)), () => `the store does not say what the disks say: ${difference(plain(found), plain(again))}`)
    await this.#until(last.stop())
    const left = (await this.#until(this.#store.list('', { user: '', reason: 'sim' }))).objects.filter(({ key }) => key.includes('orphan'))
    this.#figures.orphans = left.length
  }

  async #alone(backend: Backend, ms: number): Promise<void> {
    await this.#until(this.#open(backend))
    await this.#until(this.#world.sleep(ms))
    await this.#until(backend.stop())
  }

  /** A backend that hears only now that it has lost the user needs a second try. */
  async #open(backend: Backend): Promise<UserActor> {
    for (let attempt = 0; ; attempt++) {
      const user = await backend.user()
      const outcome = await outcomeOf(this.#world, backend.process, 'flush', () => user.flush())
      if (outcome.kind === 'done') return user
      promised(attempt < 10, () => `the user cannot be had in a world without faults: ${'error' in outcome ? outcome.error.message : outcome.kind}`)
      await this.#world.sleep(10_000)
    }
  }

  async #everything(backend: Backend): Promise<{ mailboxes: EndMailbox[]; subscribed: ReadonlySet<string> }> {
    return this.#until((async () => {
      const user = await this.#open(backend)
      await this.#world.sleep(600_000)
      const mailboxes: EndMailbox[] = []
      for (const { name, guid, noSelect } of user.list()) if (guid !== undefined && !noSelect) mailboxes.push(await this.#mailbox(user, name))
      return { mailboxes, subscribed: new Set(user.subscriptions()) }
    })())
  }

  async #mailbox(user: UserActor, name: string): Promise<EndMailbox> {
    const context = { user: account.user, session: 'observer', reason: 'sim:observe' }
    const { mailbox, close } = await user.open(context, name)
    const rows: EndMailbox['rows'] = []
    const { uids, count } = mailbox.messages.uidList()
    for (const uid of uids.slice(0, count)) {
      const id = await this.#read(mailbox, uid, context)
      const row = mailbox.messages.rowOf(uid)
      rows.push({ uid, mail: id, flags: flagsOf(mailbox.messages.flags[row] ?? 0, mailbox.messages.keywordsOf(row).map((keyword) => mailbox.keywords[keyword] ?? '?')) })
    }
    close()
    return { guid: mailbox.guid, name, uidValidity: mailbox.uidValidity, rows }
  }

  #until<T>(promise: Promise<T>): Promise<T> { return until(this.#world, promise, () => { this.#check(); return false }) }
}

const plain = ({ mailboxes, subscribed }: { mailboxes: EndMailbox[]; subscribed: ReadonlySet<string> }): string[] => [
  ...mailboxes.flatMap(({ guid, name, uidValidity, rows }) => [`${name} ${guid} ${uidValidity}`, ...rows.map(({ uid, mail: id, flags }) => `${name} ${uid} ${id} ${[...flags].sort().join(' ')}`)]),
  ...[...subscribed].sort().map((name) => `subscribed ${name}`),
].sort()

const difference = (a: readonly string[], b: readonly string[]): string =>
  [...a.filter((line) => !b.includes(line)).map((line) => `-${line}`), ...b.filter((line) => !a.includes(line)).map((line) => `+${line}`)].slice(0, 6).join('; ')
