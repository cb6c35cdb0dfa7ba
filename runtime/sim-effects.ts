// The simulator's doors: a world made of one seed. Time is virtual and stands still until the agenda's next event; disks,
// network and deaths are decided by a generator (runtime/sim/random.ts). The same seed and the same actors give the same
// events in the same order, which `traceHash` shows.
//
// Nothing happens but in `run`, which takes one event at a time and lets all promises settle in between. For that it needs
// a turn of the real event loop, which only its caller may take.

import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { TempFail } from './errors.ts'
import type { Address, Effects, ObjectStore } from './effects.ts'
import type { LogEvent } from './events.ts'
import { limits } from './limits.ts'
import { Agenda } from './sim/agenda.ts'
import { SimDisk } from './sim/disk.ts'
import { noFaults } from './sim/faults.ts'
import type { Faults } from './sim/faults.ts'
import { SimFiles } from './sim/files.ts'
import { LaggingListing } from './sim/lagging-listing.ts'
import { SimProcess } from './sim/process.ts'
import { SimRandom } from './sim/random.ts'
import { SimStore } from './sim/store.ts'

/** Lets the real event loop turn once, so that every promise that can settle has settled. */
export type Turn = () => Promise<void>

export interface WorldOptions {
  faults?: Faults
  /** Sees every line of the trace as it is written. */
  onTrace?(line: string): void
  /** Sees every event that an actor emits. */
  onEvent?(event: LogEvent): void
}

/** What a run has seen, for the figures at its end. */
export interface Counts { calls: number; events: number; faults: number; crashes: number; wipes: number; outages: number; damages: number; blackouts: number }

/** After how long the kernel has written by itself what nobody made durable (half a minute on Linux; longer on a busy disk). */
const writebackMs = [50, 1000, 30_000, Infinity]

/** 2023-11-14 22:13:20 UTC: when every world begins. */
const epochMs = 1_700_000_000_000

export class SimWorld {
  readonly agenda = new Agenda()
  /** Faults and delays are drawn from here. */
  readonly dice: SimRandom
  readonly counts: Counts = { calls: 0, events: 0, faults: 0, crashes: 0, wipes: 0, outages: 0, damages: 0, blackouts: 0 }
  /** Faults by kind. */
  readonly kinds = new Map<string, number>()
  /** May be changed while the world runs: a story ends in a world that works. */
  faults: Faults
  storeDown = false
  /** Most requests are refused. */
  storm = false
  /** Virtual time of the last fault. */
  lastFaultMs = -Infinity
  readonly #random: SimRandom
  readonly #store: ObjectStore
  readonly #machines = new Map<string, SimMachine>()
  readonly #listing = new LaggingListing(() => this.agenda.now, () => this.dice.fraction() * this.faults.listingLagMs)
  readonly #hash: Hash = createHash('sha256')
  readonly #recent: string[] = []
  readonly #options: WorldOptions

  constructor(seed: number, store: ObjectStore, options: WorldOptions = {}) {
    this.#random = new SimRandom(seed)
    this.dice = this.#random.fork('faults')
    this.#store = store
    this.faults = options.faults ?? noFaults
    this.#options = options
  }

  /** Milliseconds since 1970. */
  get wallClock(): number { return epochMs + Math.floor(this.agenda.now) }

  /** The machine of this name, made with an empty disk when first asked for. */
  machine(name: string): SimMachine {
    let machine = this.#machines.get(name)
    if (machine === undefined) {
      machine = new SimMachine(this, name, this.#store)
      this.#machines.set(name, machine)
    }
    return machine
  }

  /** A generator of its own for `name`: for whoever acts in this world. */
  random(name: string): SimRandom { return this.#random.fork(name) }

  /**
   * Runs events until `done`, until nothing is planned any more, or until `untilMs` of virtual time.
   * Answers whether `done` was reached.
   */
  async run(turn: Turn, done: () => boolean, untilMs = Infinity): Promise<boolean> {
    await turn()
    while (!done()) {
      const next = this.agenda.next
      if (next === undefined || next > untilMs || !this.agenda.step()) return false
      this.counts.events++
      await turn()
    }
    return true
  }

  /** For those who act in the world without being a process: resolves after `ms` of virtual time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { this.agenda.plan(ms, resolve) })
  }

  /** Nothing reaches the store for so long. */
  takeStoreDown(ms: number): void {
    this.storeDown = true
    this.counts.outages++
    this.trace(`the store goes down for ${ms} ms`)
    this.agenda.plan(ms, () => {
      this.storeDown = false
      this.trace('the store is back')
    })
  }

  /** The store refuses most requests for so long. */
  raiseStorm(ms: number): void {
    this.storm = true
    this.count('storm')
    this.trace(`a storm for ${ms} ms`)
    this.agenda.plan(ms, () => {
      this.storm = false
      this.trace('the storm is over')
    })
  }

  count(kind: string): void { this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1) }

  trace(text: string): void {
    const line = `${this.agenda.now.toFixed(3)} ${text}`
    this.#hash.update(line).update('\n')
    if (this.#recent.push(line) > 2 * limits.simTraceLines) this.#recent.splice(0, limits.simTraceLines)
    this.#options.onTrace?.(line)
  }

  /** The last lines of the trace, oldest first. */
  recentTrace(): string[] { return this.#recent.slice(-limits.simTraceLines) }

  /** Of every line so far: two runs of one seed have the same. */
  traceHash(): string { return this.#hash.copy().digest('hex') }

  /** Counts and traces a fault that was injected; what its victim sees is returned. */
  fault(what: string, kind: string): TempFail {
    this.counts.faults++
    this.count(kind)
    this.lastFaultMs = this.agenda.now
    this.trace(`fault: ${what}`)
    return new TempFail(what)
  }

  emitted(event: LogEvent): void { this.#options.onEvent?.(event) }

  /** What listings say, where they lag. */
  get listing(): LaggingListing | undefined { return this.faults.listingLagMs > 0 ? this.#listing : undefined }
}

/** A disk and, one after the other, the processes that use it. */
export class SimMachine {
  readonly name: string
  readonly disk = new SimDisk()
  readonly #world: SimWorld
  readonly #store: ObjectStore
  #starts = 0
  #boots = 1
  #process: SimProcess | undefined

  constructor(world: SimWorld, name: string, store: ObjectStore) {
    this.#world = world
    this.name = name
    this.#store = store
  }

  /** Starts a process; `clockSkewMs` is how wrong its wall clock goes. The one before it must be dead or stopped. */
  start(clockSkewMs = 0): SimEffects {
    const name = `${this.name}.${++this.#starts}`
    this.#process = new SimProcess(this.#world, name, this.#world.random(name))
    this.#world.trace(`${name} starts, clock ${clockSkewMs >= 0 ? '+' : ''}${clockSkewMs} ms`)
    return new SimEffects(this.#process, this.disk, this.#store, clockSkewMs, `${this.name} boot ${this.#boots}`)
  }

  /** Kills the running process; the disk keeps what was written. */
  crash(): void { this.#process?.crash() }

  /** The disk is lost, and with it the running process. */
  wipe(): void {
    this.crash()
    this.#world.counts.wipes++
    this.#world.trace(`${this.name} loses its disk`)
    this.disk.wipe()
  }

  /** Nothing can be written for so long, though removed and cut. */
  fillDisk(ms: number): void {
    this.#world.count('disk full')
    this.#world.trace(`${this.name} has a full disk for ${ms} ms`)
    this.disk.full = true
    this.#world.agenda.plan(ms, () => { this.disk.full = false })
  }

  /**
   * Kills the process and changes one of the files below `path`: a bit of it, or its length. Answers which. None is cut to what
   * `looksWhole` to its reader: that nobody could tell.
   */
  damage(path: string, looksWhole: (bytes: Uint8Array) => boolean): string | undefined {
    this.crash()
    const { dice } = this.#world
    const files = this.disk.files().filter((file) => file.size > 0 && file.path.startsWith(`${path}/`))
    if (files.length === 0) return undefined
    const file = dice.pick(files)
    const cut = dice.chance(0.3)
    const size = dice.below(file.size)
    if (cut) this.disk.truncate(file.path, looksWhole(this.disk.read(file.path, 0, size)!) ? Math.min(size + 1, file.size) : size, true, this.#world.wallClock)
    else this.disk.flip(file.path, dice.below(file.size * 8))
    this.#world.counts.damages++
    this.#world.count(cut ? 'file cut' : 'bit flipped')
    this.#world.trace(`${file.path} of ${this.name} is ${cut ? 'cut' : 'changed in one bit'}`)
    return file.path
  }

  /** Kills the process and loses of the disk what was not durable. */
  losePower(): void {
    this.crash()
    this.#boots++
    this.#world.counts.blackouts++
    this.#world.trace(`${this.name} loses power`)
    this.disk.losePower(this.#world.dice, this.#world.wallClock - this.#world.dice.pick(writebackMs))
  }
}

/** What a process on a simulated machine has for a world. */
export class SimEffects implements Effects {
  readonly process: SimProcess
  readonly clock: Effects['clock']
  readonly timers: Effects['timers']
  readonly random: Effects['random']
  readonly files: SimFiles
  readonly bootId: string
  readonly #store: SimStore

  constructor(process: SimProcess, disk: SimDisk, store: ObjectStore, clockSkewMs: number, bootId: string) {
    this.process = process
    this.bootId = bootId
    const { world } = process
    this.clock = { now: () => world.wallClock + clockSkewMs, monotonic: () => world.agenda.now }
    this.timers = { after: (ms, action) => this.process.after(ms, action) }
    this.random = this.process.random
    this.files = new SimFiles(process, disk)
    this.#store = new SimStore(store, process, disk)
  }

  /** One store, whatever the configured stack: wrappers have tests of their own. */
  readonly storage = (): ObjectStore => this.#store

  readonly ask = <Answer>(to: Address): Promise<Answer> => this.process.call<Answer>({
    label: `ask ${to}`, delayMs: 1, answerMs: 0, perform: () => { throw new TempFail(`${to} does not live in this world`) },
  })

  readonly tell = (to: Address): void => {
    if (!this.process.dead) this.process.world.trace(`${this.process.name} tells ${to}`)
  }

  readonly emit = (event: LogEvent): void => {
    if (this.process.dead) return
    this.process.world.trace(`${this.process.name} ${event.level} ${event.name}: ${event.text}`)
    this.process.world.emitted(event)
  }
}
