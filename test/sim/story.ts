// One seed's story: a user on one machine or moved between several, lives of the engine one after the other, each ended by
// a crash, a stop, a lost disk or a loss of power; then a good world in which everything that was promised must be found, twice: as the disk has
// it, and as the store alone has it.

import { decodeJournal } from '../../actors/user/journal.ts'
import { openUser } from '../../actors/user/open-user.ts'
import type { Account } from '../../actors/user/types.ts'
import { defaultSettings } from '../../conf/settings.ts'
import type { Settings } from '../../conf/settings.ts'
import type { Effects, ObjectStore } from '../../runtime/effects.ts'
import { messageOf } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import type { Limits } from '../../runtime/limits.ts'
import { noFaults, usualFaults } from '../../runtime/sim/faults.ts'
import type { SimRandom } from '../../runtime/sim/random.ts'
import { SimWorld } from '../../runtime/sim-effects.ts'
import type { SimEffects, SimMachine } from '../../runtime/sim-effects.ts'
import memory from '../../workers/fs/memory.ts'
import { usualTls } from '../../workers/storage/tls.ts'
import { Client } from './client.ts'
import type { Supply } from './client.ts'
import { Harms } from './harms.ts'
import { IndexDamage } from './index-damage.ts'
import { Life, outcomeOf } from './life.ts'
import { Model } from './model.ts'
import { observe, verify } from './observe.ts'
import { promised, Violation } from './violation.ts'

export interface StoryOptions {
  /** Actions of all clients together (default 120). */
  steps?: number
  /** Whether index objects are damaged; else the seed says so. */
  harms?: boolean
  /** For up to how long listings lag; else the seed says so. */
  lagMs?: number
  /** Sees every line of the trace. */
  onTrace?(line: string): void
  /** Gives the engine other doors than the world's: to show that a broken promise is found. */
  sabotage?(effects: Effects): Effects
}

export interface Figures {
  calls: number; events: number; faults: number; crashes: number; wipes: number; outages: number; damages: number; blackouts: number
  lives: number
  /** Lives on a machine that had something of its own, while another had the user since. */
  moves: number
  /** Mails read back and compared, over all lives. */
  compared: number
  /** Clients that came back to a mailbox and were told what has changed since. */
  returned: number
  /** Acknowledged mails that listings did not know of yet, and that had to come later. */
  late: number
  /** Mails that had to be there at the end, and objects in the store that belong to none. */
  mails: number
  garbage: number
}

export interface Outcome {
  seed: number
  failure: string | undefined
  figures: Figures
  /** Requests answered with success, by kind. */
  done: Map<string, number>
  /** Faults by kind. */
  kinds: ReadonlyMap<string, number>
  traceHash: string
  /** The last lines of the trace. */
  trace: string[]
}

/** So that journals are rewritten, blocks of UIDs end and update logs overflow within a story. */
const smallLimits: Partial<Limits> = { journalBytes: 2000, uidReserveManifest: 20, uidReserveBundle: 15, uidReserveJournal: 3, updateLog: 16, expungeLogRanges: 12, mailboxIdleMs: 300, bundleDiffBytes: 250, bundleDiffShare: 1 }

const account: Account = { user: 'user@example.com', home: '/mail/user', fields: {} }

/** Tells the story of a seed to its end, or to the first promise that is broken. */
export async function tell(seed: number, options: StoryOptions = {}): Promise<Outcome> {
  const story = new Story(seed, options)
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', onUnhandled)
  let failure: string | undefined
  try {
    await story.tell(() => {
      if (unhandled.length > 0) throw new Violation(`nobody handles: ${describe(unhandled[0])}`)
    })
  } catch (error) {
    failure = describe(error)
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
  const outcome = { seed, failure, ...story.result() }
  await story.forget()
  return outcome
}

export const describe = (error: unknown): string => (error instanceof Violation ? error.message : error instanceof Error ? error.stack ?? error.message : messageOf(error))

/** A journal that was cut exactly between two records, after a crash, is like one that never was longer. */
const endsWithARecord = (bytes: Uint8Array): boolean => decodeJournal(bytes)?.torn === false

/** A turn of the real event loop. */
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

let stores = 0

/** The store behind a world: the memory driver, with the world's clock. */
export function memoryStore(world: () => SimWorld): ObjectStore {
  const unused = (): never => { throw new Violation('the memory driver reached for the real world') }
  return memory.open(`sim-${++stores}`, {
    clock: { now: () => world().wallClock, monotonic: () => world().agenda.now }, timers: { after: unused }, random: { bytes: unused, below: unused },
    emit: () => {}, tempDirectory: '/tmp', maxConnections: () => 1, tls: usualTls, auth: { timeoutMs: 0, retries: 0 },
  })
}

/** Its objects would stay in memory as long as the process. */
export async function emptied(store: ObjectStore): Promise<void> {
  for (;;) {
    const { objects } = await store.list('', { user: '', reason: 'sim' })
    if (objects.length === 0) return
    await store.deleteMany(objects.map(({ key }) => key), { user: '', reason: 'sim' })
  }
}

/** Lets the world go on until the promise is settled, or `enough` (asked in every turn) says so. */
export async function until<T>(world: SimWorld, promise: Promise<T>, enough: () => boolean): Promise<T> {
  let settled: { value: T } | { error: unknown } | undefined
  promise.then((value) => { settled = { value } }, (error: unknown) => { settled = { error } })
  const finished = await world.run(turn, () => enough() || settled !== undefined)
  promised(finished, () => 'everything waits for something that will never happen')
  if (settled === undefined) return undefined as T
  if ('error' in settled) throw settled.error
  return settled.value
}

/**
 * For up to how long the listings of a seed's store lag (ms). Where conditions are not held, a lagging listing says nothing of whose a
 * user is: that is not promised to go well.
 */
export function listingLag(seed: number, { lagMs }: { lagMs?: number }): number {
  const ofSeed = [0, 0, 5000, 0, 30_000][seed % 5]!
  return seed % 5 === 0 ? 0 : lagMs ?? ofSeed
}

/** A store that does not know what a condition is. */
export const withoutConditions = (store: ObjectStore): ObjectStore => new Proxy(store, {
  get(_, name) {
    if (name === 'conditionalWrites') return false
    if (name === 'write') return (...[key, body, context, options]: Parameters<ObjectStore['write']>) => store.write(key, body, context, { metadata: options?.metadata ?? {} })
    const value: unknown = Reflect.get(store, name, store)
    return typeof value === 'function' ? value.bind(store) : value
  },
})

/** A store, or something in front of it, that forgets some conditions: of so many writes in a hundred. */
export const forgetful = (store: ObjectStore, dice: SimRandom, percent: number): ObjectStore => new Proxy(store, {
  get(_, name) {
    if (name === 'write') {
      return (...[key, body, context, options]: Parameters<ObjectStore['write']>) =>
        store.write(key, body, context, options?.condition !== undefined && dice.below(100) < percent ? { metadata: options.metadata ?? {} } : options)
    }
    const value: unknown = Reflect.get(store, name, store)
    return typeof value === 'function' ? value.bind(store) : value
  },
})

class Story {
  readonly #dice: SimRandom
  readonly #world: SimWorld
  readonly #store: ObjectStore
  readonly #machines: readonly SimMachine[]
  #machine: SimMachine
  /** Machines whose last life did not end with everything in the store: what they alone have may come up at their next one. */
  readonly #dirty = new Set<SimMachine>()
  /** The machine that has had the user last, and has its local files whole. */
  #home: SimMachine | undefined
  #running = false
  readonly #harms: Harms | undefined
  readonly #model: Model
  readonly #settings: Settings
  readonly #limits: Partial<Limits>
  readonly #options: StoryOptions
  readonly #supply: Supply = { nextMail: 1 }
  readonly #done = new Map<string, number>()
  #check: () => void = () => {}
  #lives = 0
  #moves = 0
  #compared = 0
  #garbage = 0

  constructor(seed: number, options: StoryOptions) {
    this.#options = options
    const damage = new IndexDamage(memoryStore(() => this.#world))
    this.#store = damage.store
    this.#world = new SimWorld(seed, seed % 5 === 0 ? withoutConditions(this.#store) : this.#store, {
      faults: { ...usualFaults, listingLagMs: listingLag(seed, options) },
      ...(options.onTrace === undefined ? {} : { onTrace: options.onTrace }),
    })
    this.#dice = this.#world.random('story')
    const world = this.#world
    const { lateMs, listingLagMs } = world.faults
    this.#model = new Model({ get nowMs() { return world.agenda.now }, lateMs, lagMs: listingLagMs })
    // One thing at a time: neither lag the listings then, nor is power lost.
    if (listingLagMs === 0 && (options.harms ?? this.#world.random('harmed').chance(0.25))) this.#harms = new Harms(this.#world, damage, this.#model)
    this.#machines = Array.from({ length: this.#dice.pick([1, 1, 1, 2, 3]) }, (_, at) => this.#world.machine(`backend${at}`))
    this.#machine = this.#machines[0] as SimMachine
    this.#settings = {
      ...defaultSettings(), obox_fs: 'memory:', obox_index_fs: 'memory:', mail_location: 'obox:mail/user:INDEX=~/',
      mail_fsync: this.#dice.pick(['never', 'never', 'optimized', 'always'] as const),
      mail_prefetch_count: this.#dice.pick([0, 10]),
      metacache_delay_uploads: this.#dice.chance(0.7),
    }
    this.#limits = this.#dice.chance(0.3) ? {} : smallLimits
  }

  forget(): Promise<void> { return emptied(this.#store) }

  async tell(check: () => void): Promise<void> {
    this.#check = check
    const lives = this.#dice.between(2, 5)
    const steps = Math.ceil((this.#options.steps ?? 120) / lives)
    for (let life = 0; life < lives; life++) await this.#badLife(steps)
    await this.#goodEnd(Math.ceil(steps / 4))
  }

  result(): Omit<Outcome, 'seed' | 'failure'> {
    const { counts } = this.#world
    return {
      figures: { ...counts, lives: this.#lives, moves: this.#moves, compared: this.#compared, returned: this.#model.remembered.compared, late: this.#model.lateMails, mails: this.#model.promisedMails, garbage: this.#garbage },
      done: this.#done, kinds: this.#world.kinds, traceHash: this.#world.traceHash(), trace: this.#world.recentTrace(),
    }
  }

  /** A life in a bad world: clients at work until it ends in one way or another. */
  async #badLife(steps: number): Promise<void> {
    const dice = this.#dice
    const skew = dice.chance(0.2) ? dice.between(-3_600_000, 3_600_000) : 0
    const effects = await this.#begin(skew)
    if (dice.chance(0.6)) effects.process.crashAfter(dice.chance(0.2) ? dice.between(1, 20) : dice.between(1, 20 * steps))
    if (dice.chance(0.3)) this.#world.agenda.plan(dice.between(0, 100 * steps), () => { this.#world.takeStoreDown(dice.between(1000, 90_000)) })
    if (dice.chance(0.2)) this.#world.agenda.plan(dice.between(0, 100 * steps), () => { this.#world.raiseStorm(dice.between(1000, 30_000)) })
    const machine = this.#machine
    if (dice.chance(0.2)) this.#world.agenda.plan(dice.between(0, 100 * steps), () => { machine.fillDisk(dice.between(500, 20_000)) })
    const harms = this.#harms
    if (harms?.dice.chance(0.4) === true) this.#world.agenda.plan(harms.dice.between(0, 100 * steps), () => { void harms.strike(this.#running ? this.#machine : undefined, this.#home === this.#machine) })
    const life = await this.#open(effects)
    if (life !== undefined && await this.#observe(life)) {
      this.#home = machine
      const clients = await this.#work(life, steps)
      if (!effects.process.dead) for (const client of clients) client.compare()
      if (!effects.process.dead && dice.chance(0.5)) {
        await this.#stop(life, clients)
        effects.process.exit()
      }
    }
    this.#model.crash()
    effects.process.crash()
    await this.#betweenLives()
  }

  /** The next life's process, on the same machine or another. */
  async #begin(skew = 0): Promise<SimEffects> {
    const before = this.#machine
    this.#machine = this.#dice.pick(this.#machines)
    if (this.#machine !== before) this.#model.toAnother()
    const whole = this.#machine === this.#home
    if (!whole) this.#home = undefined
    await this.#harms?.opening(this.#machine, whole)
    this.#running = true
    // Flags and expunges that only another machine has are not here yet, and come when the user is there again.
    if (this.#machine !== before && this.#dirty.size > 0) {
      this.#model.loseDisk()
      if (this.#dirty.has(this.#machine)) this.#moves++
    }
    this.#dirty.add(this.#machine)
    return this.#machine.start(skew)
  }

  async #betweenLives(): Promise<void> {
    const dice = this.#dice
    this.#running = false
    if (this.#harms?.dice.chance(0.3) === true) await this.#harms.strike(undefined)
    if (dice.chance(0.2)) {
      this.#home = undefined
      this.#machine.wipe()
      this.#dirty.delete(this.#machine)
      this.#model.loseDisk()
      // Until a new disk is there, all that was on the wire has arrived or is lost.
      await this.#until(this.#world.sleep(this.#world.faults.lateMs))
    } else if (dice.chance(0.2)) {
      // What its last record said, or all since the last upload, may be lost but for the mails.
      if (this.#machine.damage('/mail', endsWithARecord) === undefined) return
      this.#home = undefined
      this.#model.loseDisk()
    } else if (dice.chance(0.6) && this.#harms === undefined) {
      this.#home = undefined
      this.#machine.losePower()
      // With `never`, all since the last upload may be lost but for the mails. `optimized` syncs all but flags, `always` these too.
      if (this.#settings.mail_fsync === 'never') this.#model.loseDisk()
      if (this.#settings.mail_fsync === 'optimized') this.#model.loseFlags()
    }
  }

  /** Nothing goes wrong any more: everything promised is there, stays there, and is in the store. */
  async #goodEnd(steps: number): Promise<void> {
    const { lateMs, listingLagMs } = this.#world.faults
    // How its listings are is no fault that would go away.
    this.#world.faults = { ...noFaults, listingLagMs }
    await this.#until(this.#world.sleep(Math.max(lateMs, 90_000)))
    const life = await this.#mustOpen()
    const clients = await this.#work(life, steps)
    for (const client of clients) client.compare()
    if (this.#harms !== undefined) await this.#mend(life)
    await this.#quiesce(life)
    await this.#stop(life, clients)
    life.process.exit()
    await this.#mustStop(await this.#mustOpen())
    this.#model.nothingIsLate()
    for (const machine of this.#machines) machine.wipe()
    this.#dirty.clear()
    this.#model.loseDisk()
    await this.#mustStop(await this.#mustOpen())
    await this.#countObjects()
  }

  async #mustOpen(): Promise<Life> {
    const life = await this.#open(await this.#begin())
    promised(life !== undefined && await this.#observe(life), () => 'the user cannot be opened in a world without faults')
    this.#home = this.#machine
    return life
  }

  async #mustStop(life: Life): Promise<void> {
    await this.#stop(life, [])
    life.process.exit()
  }

  /** Opens the user, again and again while the store is away. Undefined: the process died. */
  async #open(effects: SimEffects): Promise<Life | undefined> {
    this.#lives++
    const doors = this.#options.sabotage?.(effects) ?? effects
    this.#model.opening()
    for (let attempt = 0; attempt < 300; attempt++) {
      const opened = await this.#until(outcomeOf(this.#world, effects.process, 'opening the user', () => openUser(doors, this.#settings, account, { limits: this.#limits })))
      if (opened.kind === 'done') return new Life(this.#world, effects, opened.value, this.#model, this.#done)
      if (opened.kind === 'died') return undefined
      this.#world.trace(`opening the user: ${opened.error.message}`)
      const away = this.#world.faults !== noFaults || this.#world.storeDown || this.#world.storm
      promised(opened.kind === 'failed' && away, () => `the user cannot be opened: ${opened.error.message}`)
      await this.#until(this.#world.sleep(1000))
    }
    throw new Violation('the user could not be opened 300 times')
  }

  async #observe(life: Life): Promise<boolean> {
    if (this.#harms?.older === true) {
      if (!await this.#until(verify(life))) return false
      this.#harms.older = false
    }
    const compared = await this.#until(observe(life))
    this.#compared += compared ?? 0
    return compared !== undefined
  }

  async #work(life: Life, steps: number): Promise<Client[]> {
    const count = this.#dice.between(2, 3)
    const clients = Array.from({ length: count }, (_, at) => new Client(`client${at}`, life, this.#dice.fork(`${life.process.name}/${at}`), this.#supply))
    await this.#until(Promise.all(clients.map((client) => client.act(Math.ceil(steps / count)))), () => life.process.dead)
    return clients
  }

  /** A clean stop. If nothing went wrong meanwhile, everything is in the store afterwards. */
  async #stop(life: Life, clients: Client[]): Promise<void> {
    for (const client of clients) client.close()
    // Its local files are to go with it. (Where something of a client's still runs, they stay.)
    if (this.#dice.fork(`evict ${this.#lives}`).chance(0.3) && life.user.beginEviction()) this.#home = undefined
    // A request from before the stop may still be under way, and its fault not yet be told.
    const since = this.#world.agenda.now - this.#world.faults.slowMs
    const stopped = await this.#until(life.attempt('story', 'stop', () => life.user.stop(limits.shutdownMs)))
    promised(stopped.kind !== 'refused', () => `the user cannot be stopped: ${'error' in stopped ? stopped.error.message : ''}`)
    const undisturbed = this.#world.lastFaultMs < since
    promised(!undisturbed || stopped.kind !== 'failed', () => `a stop failed without any fault: ${'error' in stopped ? stopped.error.message : ''}`)
    if (stopped.kind !== 'done' || !undisturbed) return
    this.#dirty.delete(this.#machine)
    if (this.#dirty.size === 0) this.#model.checkpoint()
  }

  /** The next upload of each mailbox leaves nothing upon an index object that was damaged. */
  async #mend(life: Life): Promise<void> {
    const client = new Client('mender', life, this.#dice.fork('mender'), this.#supply)
    const guids = new Set((await this.#harms!.left()).map(({ mailbox }) => mailbox))
    for (const { guid, name, noSelect } of life.user.list()) {
      if (guid !== undefined && !noSelect && (guids.has(guid) || name === 'INBOX')) await this.#until(client.deliverTo(name))
    }
    await this.#until(life.user.flush())
    const listed = new Set(['', ...life.user.list().map(({ guid }) => guid)])
    for (const harm of await this.#harms!.left()) {
      promised(!listed.has(harm.mailbox), () => `${harm.key} was ${harm.how}, and is not mended by an upload`)
    }
  }

  /** An idle hour: what is to be done in the background gets done, and then nothing grows any more. */
  async #quiesce(life: Life): Promise<void> {
    await this.#until(this.#world.sleep(3_600_000), () => life.process.dead)
    const before = this.#machine.disk.files().reduce((sum, { size }) => sum + size, 0)
    const objects = (await this.#objects()).length
    await this.#until(this.#world.sleep(3_600_000), () => life.process.dead)
    const after = this.#machine.disk.files().reduce((sum, { size }) => sum + size, 0)
    promised(after <= before, () => `local files grow while nothing happens: ${before} bytes became ${after}`)
    const objectsAfter = (await this.#objects()).length
    promised(objectsAfter <= objects, () => `objects grow while nothing happens: ${objects} became ${objectsAfter}`)
  }

  async #objects(): Promise<string[]> {
    const keys: string[] = []
    let after: string | undefined
    do {
      const page = await this.#store.list('', { user: '', reason: 'sim' }, after === undefined ? {} : { after })
      keys.push(...page.objects.map(({ key }) => key))
      after = page.next
    } while (after !== undefined)
    return keys
  }

  async #countObjects(): Promise<void> {
    const mails = (await this.#objects()).filter((key) => key.includes('/mailboxes/') && !key.includes('/idx/'))
    this.#garbage = mails.length - this.#model.promisedMails
    promised(this.#garbage >= 0, () => `${this.#model.promisedMails} mails in ${mails.length} objects`)
  }

  #until<T>(promise: Promise<T>, enough: () => boolean = () => false): Promise<T> {
    return until(this.#world, promise, () => {
      this.#check()
      return enough()
    })
  }
}
