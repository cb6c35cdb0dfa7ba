// The metacache: what the local files of all users of this process take together, and what is done where that is too much. One
// on the main thread; session workers tell it of their users, and evict those that it names.
//
// - Beyond metacache_max_space, users that nobody uses are evicted whole, by weight (metacache-weights.ts): the worker opens the user,
//   uploads what the store lacks, hands it over, and removes its files. One that cannot be uploaded stays. What is left here of a user
//   that another backend has is left to that one.
// - Beyond that and metacache_max_grace no user is opened any more that is not in memory, until there is room again.
// - Figures outlive restarts (metacache-userdb.ts), and are counted anew every metacache_rescan_interval.
// - Without metacache_max_space nothing is kept, evicted or counted: only users in memory are known.

import type { Settings } from '../conf/settings.ts'
import type { Cancel, Effects } from '../runtime/effects.ts'
import { messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import type { CleanAnswer, ListedUser, MetacacheMessage, MetacacheRequest, MetacacheStatus, UserSpace } from './metacache-messages.ts'
import { metacacheRoots, usersBelow } from './metacache-rescan.ts'
import type { FoundUser } from './metacache-rescan.ts'
import { MetacacheUserdb } from './metacache-userdb.ts'
import type { KnownUser } from './metacache-userdb.ts'
import { MetacacheUsers } from './metacache-users.ts'
import type { Entry } from './metacache-users.ts'
import { parseWeights } from './metacache-weights.ts'
import type { Weights } from './metacache-weights.ts'
import { noSpace, totalOf } from './user/local-space.ts'

export type MetacacheSettings = Pick<Settings,
  'metacache_max_space' | 'metacache_max_grace' | 'metacache_rescan_interval' | 'metacache_roots' | 'metacache_priority_weights' | 'metacache_size_weights' | 'metacache_userdb' | 'state_dir' | 'mail_home'>

export interface MetacacheWorld {
  readonly effects: Effects
  /** Has a user evicted by the worker that is its home. False: somebody uses it, or something of it cannot be uploaded. */
  evict(user: string, known: KnownUser): Promise<boolean>
  /** Whether users that are not in memory are to be refused from now on. */
  refuse(refused: boolean): void
}

/** Throws ConfigError where the settings are wrong. */
export const checkMetacache = (settings: MetacacheSettings): Weights => parseWeights(settings.metacache_priority_weights, settings.metacache_size_weights)

export class Metacache {
  readonly #world: MetacacheWorld
  readonly #users = new MetacacheUsers()
  readonly #outside = new Set<string>()
  readonly #userdb: MetacacheUserdb
  #settings: MetacacheSettings
  #weights: Weights
  #refusing = false
  #cleaning: Promise<void> | undefined
  #rescanning: Promise<void> | undefined
  #timer: Cancel | undefined
  #again: Cancel | undefined
  #stopped = false
  /** Nobody is left who could be evicted now. */
  #stuck = false
  /** Somebody more could be evicted since evicting began. */
  #freed = false
  #evicted = 0
  #stayed = 0

  constructor(world: MetacacheWorld, settings: MetacacheSettings) {
    this.#world = world
    this.#settings = settings
    this.#weights = checkMetacache(settings)
    const path = settings.metacache_userdb
    this.#userdb = new MetacacheUserdb(world.effects, path.startsWith('/') ? path : `${settings.state_dir}/${path}`, this.#users)
  }

  get #bounded(): boolean { return this.#settings.metacache_max_space > 0 }

  get status(): MetacacheStatus {
    const { metacache_max_space: most, metacache_max_grace: grace } = this.#settings
    const entries = [...this.#users.values()]
    return {
      users: entries.length, open: entries.filter(({ open }) => open).length, unsaved: entries.filter(({ unsaved }) => unsaved).length,
      space: { ...this.#users.space }, most, grace, refusing: this.#refusing, evicted: this.#evicted, stayed: this.#stayed,
    }
  }

  /** Reads what is known; without it, or where it cannot be read, counting begins at once. Never rejects. */
  async start(): Promise<void> {
    if (!this.#bounded) return
    const kept = await this.#userdb.read().catch((error: unknown) => {
      this.#world.effects.emit({ level: 'warning', name: 'metacache.userdb_failed', text: `metacache_userdb cannot be read: ${messageOf(error)}` })
      return undefined
    })
    for (const [user, known] of kept ?? []) if (!this.#users.has(user)) this.#users.set(user, { ...known, open: false, evictAfter: 0, told: -Infinity })
    this.#judge()
    if (kept === undefined) void this.rescan()
    else this.#rescanLater()
  }

  receive(message: MetacacheMessage): void { for (const user of message.users) this.#tell(user) }

  /** Answers an administrator. */
  async ask(request: MetacacheRequest): Promise<ListedUser[] | MetacacheStatus | CleanAnswer> {
    switch (request.kind) {
      case 'list': return this.#list()
      case 'clean': return this.#cleanOne(request.user)
      case 'rescan': await this.rescan()
    }
    return this.status
  }

  /** The settings from now on. Throws ConfigError: they are wrong, and nothing has changed. */
  reload(settings: MetacacheSettings): void {
    this.#weights = checkMetacache(settings)
    this.#settings = settings
    this.#stuck = false
    this.#timer?.()
    this.#timer = undefined
    this.#rescanLater()
    this.#judge()
  }

  /** A worker has died: what it had in memory is in memory no more. `mine`: whether a user was one of its own. */
  dropWorker(mine: (user: string) => boolean): void { for (const [user, entry] of this.#users) if (mine(user)) entry.open = false }

  /** Writes what is to be kept. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.()
    this.#again?.()
    if (this.#bounded) await this.#userdb.write()
  }

  /** Counts anew what is on the disk. Never rejects. */
  rescan(): Promise<void> {
    this.#rescanning ??= this.#rescan().catch((error: unknown) => {
      this.#world.effects.emit({ level: 'warning', name: 'metacache.rescan_failed', text: `Local indexes could not be counted: ${messageOf(error)}` })
    }).finally(() => {
      this.#rescanning = undefined
      this.#rescanLater()
    })
    return this.#rescanning
  }

  /** Resolves when nothing is being evicted or counted. */
  async settled(): Promise<void> { while (this.#cleaning !== undefined || this.#rescanning !== undefined) await Promise.all([this.#cleaning, this.#rescanning]) }

  #tell({ user, directory, space, unsaved, open }: UserSpace): void {
    const { clock } = this.#world.effects
    if (this.#bounded) this.#checkRoots(directory)
    const gone = totalOf(space) === 0 && !open
    if (gone || (!open && !this.#bounded)) this.#users.delete(user)
    else {
      const evictAfter = this.#users.get(user)?.evictAfter ?? 0
      this.#users.set(user, { directory, space, unsaved, open, evictAfter, lastUsed: Math.trunc(clock.now() / 1000), told: clock.monotonic() })
    }
    this.#note(user)
    if (!open) this.#stuck = false
    if (!open && !gone) this.#freed = true
    this.#judge()
  }

  #note(user: string): void { if (this.#bounded && !this.#stopped) this.#userdb.note(user) }

  #list(): ListedUser[] {
    const most = this.#settings.metacache_max_space
    return [...this.#users].map(([user, entry]) => {
      const { directory, space, unsaved, open, lastUsed } = entry
      return { user, directory, space, unsaved, open, lastUsed, weight: Math.trunc(this.#users.weightOf(entry, this.#weights, most)) }
    }).sort((a, b) => a.weight - b.weight)
  }

  /** Where only users in memory are known, any other may have files here. */
  async #cleanOne(user: string): Promise<CleanAnswer> {
    const entry = this.#users.get(user)
    if (entry === undefined) {
      if (this.#bounded) return 'none'
      return await this.#world.evict(user, { directory: '', lastUsed: 0, space: noSpace, unsaved: true }) ? 'cleaned' : 'used'
    }
    if (!await this.#world.evict(user, entry)) return 'used'
    this.#gone(user, entry)
    return 'cleaned'
  }

  /** Does what the figures ask for. */
  #judge(): void {
    this.#refuseIfFull()
    const tooMuch = this.#bounded && totalOf(this.#users.space) > this.#settings.metacache_max_space
    if (tooMuch && !this.#stopped && !this.#stuck) this.#cleaning ??= this.#clean().finally(() => {
      this.#cleaning = undefined
      this.#judge()
    })
  }

  #refuseIfFull(): void {
    const { metacache_max_space: most, metacache_max_grace: grace } = this.#settings
    const total = totalOf(this.#users.space)
    const refusing = this.#bounded && total > most + grace
    if (refusing === this.#refusing) return
    this.#refusing = refusing
    this.#world.refuse(refusing)
    this.#world.effects.emit(refusing
      ? { level: 'error', name: 'metacache.full', text: `Local indexes take ${total} bytes, more than metacache_max_space and metacache_max_grace: no more users are opened` }
      : { level: 'info', name: 'metacache.room', text: 'There is room for local indexes again' })
  }

  /** Evicts until there is some room, or nobody is left who could be. */
  async #clean(): Promise<void> {
    const { effects } = this.#world
    const most = this.#settings.metacache_max_space
    const now = effects.clock.monotonic()
    this.#freed = false
    const candidates = [...this.#users].filter(([, entry]) => !entry.open && entry.evictAfter <= now)
      .map(([user, entry]) => ({ user, weight: this.#users.weightOf(entry, this.#weights, most) }))
      .sort((a, b) => b.weight - a.weight)
    const goal = most - most / limits.evictShare
    /** What is on its way out. */
    let leaving = 0
    const lane = async (): Promise<void> => {
      while (totalOf(this.#users.space) - leaving > goal && !this.#stopped) {
        const user = candidates.pop()?.user
        const entry = user === undefined ? undefined : this.#users.get(user)
        if (user === undefined) return
        if (entry === undefined || entry.open) continue
        const bytes = totalOf(entry.space)
        leaving += bytes
        await this.#evict(user, entry)
        leaving -= bytes
      }
    }
    // One turn later: what asks for this may come with more.
    await Promise.resolve()
    await Promise.all(Array.from({ length: limits.evictions }, lane))
    if (totalOf(this.#users.space) > most && !this.#stopped && !this.#freed) {
      this.#again?.()
      this.#stuck = true
      this.#again = effects.timers.after(limits.evictAgainMs, () => {
        this.#stuck = false
        this.#judge()
      })
    }
  }

  async #evict(user: string, entry: Entry): Promise<void> {
    const { effects } = this.#world
    try {
      if (await this.#world.evict(user, entry)) return this.#gone(user, entry)
      effects.emit({ level: 'info', name: 'metacache.evict_later', user, text: `Local indexes of ${user} stay for now: somebody uses them, or not all of them is uploaded` })
    } catch (error) {
      effects.emit({ level: 'warning', name: 'metacache.evict_failed', user, text: `Local indexes of ${user} stay: ${messageOf(error)}` })
    }
    this.#stayed++
    const now = this.#users.get(user)
    if (now !== undefined) now.evictAfter = effects.clock.monotonic() + limits.evictAgainMs
  }

  #gone(user: string, { space }: KnownUser): void {
    this.#evicted++
    // Its worker has told it already, unless there was nothing to open.
    if (this.#users.get(user)?.open === false) this.#users.delete(user)
    this.#note(user)
    this.#refuseIfFull()
    this.#world.effects.emit({ level: 'info', name: 'metacache.evicted', user, text: `Local indexes of ${user} are gone: ${totalOf(space)} bytes` })
  }

  #checkRoots(directory: string): void {
    if (this.#settings.metacache_roots === ':') return
    const roots = metacacheRoots(this.#settings)
    if (roots.length === 0 || this.#outside.has(directory) || roots.some((root) => directory.startsWith(`${root.replace(/\/+$/, '')}/`))) return
    if (this.#outside.size < limits.openFiles) this.#outside.add(directory)
    this.#world.effects.emit({ level: 'error', name: 'metacache.outside_roots', text: `Index directory is outside metacache_roots: ${directory}` })
  }

  #rescanLater(): void {
    const interval = this.#settings.metacache_rescan_interval
    if (this.#timer !== undefined || this.#stopped || !this.#bounded || interval === 0) return
    this.#timer = this.#world.effects.timers.after(interval, () => {
      this.#timer = undefined
      void this.rescan()
    })
  }

  async #rescan(): Promise<void> {
    const { effects } = this.#world
    const began = effects.clock.monotonic()
    const roots = metacacheRoots(this.#settings)
    const byDirectory = new Map([...this.#users].map(([user, { directory }]) => [directory, user]))
    const found = new Set<string>()
    let nameless = 0
    for await (const one of usersBelow(effects, roots, (directory) => byDirectory.has(directory))) {
      if (this.#stopped) return
      const user = byDirectory.get(one.directory) ?? one.user
      found.add(one.directory)
      if (user === undefined) nameless += one.rootBytes + one.mailboxBytes
      else this.#found(user, one, began)
    }
    for (const [user, entry] of [...this.#users]) {
      const below = roots.some((root) => entry.directory.startsWith(`${root.replace(/\/+$/, '')}/`))
      if (below && !entry.open && entry.told < began && !found.has(entry.directory)) this.#users.delete(user)
    }
    if (nameless > 0) effects.emit({ level: 'warning', name: 'metacache.nameless', text: `Local indexes of ${nameless} bytes do not say whose they are; they are counted when their users come` })
    await this.#userdb.write()
    this.#judge()
  }

  /** What is on the disk counts, but for users of whom a worker has spoken since it was looked at. */
  #found(user: string, { directory, rootBytes, mailboxBytes }: FoundUser, began: number): void {
    const known = this.#users.get(user)
    if (known !== undefined && (known.open || known.told >= began)) return
    const mailboxes = known === undefined ? 0 : known.space.inbox + known.space.other
    const inbox = mailboxes === 0 ? 0 : Math.round(mailboxBytes * known!.space.inbox / mailboxes)
    this.#users.set(user, {
      directory, space: { root: rootBytes, inbox, other: mailboxBytes - inbox }, unsaved: known?.unsaved ?? true, open: false,
      evictAfter: known?.evictAfter ?? 0, told: known?.told ?? -Infinity, lastUsed: known?.lastUsed ?? 0,
    })
    this.#note(user)
  }
}
