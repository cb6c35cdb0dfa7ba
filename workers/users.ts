// The users whose home is this session worker: opened by the first session or delivery that needs them, gone again when
// they have been idle, and reachable from the other workers for deliveries. What they take of the local disk is told to the
// metacache, which may have them evicted, and refuse others.

import type { MetacacheMessage, UserSpace } from '../actors/metacache-messages.ts'
import type { LocalSpace } from '../actors/user/local-space.ts'
import { noSpace, totalOf } from '../actors/user/local-space.ts'
import { parseMailLocation } from '../actors/user/mail-location.ts'
import type { Account, FlushAnswer, UserMessage, Verification } from '../actors/user/types.ts'
import { leaveIfLost, openUser, standingOf } from '../actors/user/open-user.ts'
import type { UserActor } from '../actors/user/user.ts'
import { expandSettings, userVariables } from '../conf/expand.ts'
import type { Config } from '../conf/load.ts'
import { settingsFor } from '../conf/load.ts'
import type { Settings } from '../conf/settings.ts'
import { settingsOfUser } from '../conf/user-settings.ts'
import type { Effects } from '../runtime/effects.ts'
import { ConfigError, TempFail } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { Registry } from '../runtime/registry.ts'

class LeftUser extends TempFail {}

const nothingFound: Verification = { findings: [], more: 0, mailboxes: 0, mails: 0 }

/** A user in memory, and what was told of it last. */
interface InMemory { actor: UserActor; directory: string; told: number }

export class Users {
  readonly #registry: Registry<UserActor>
  readonly #effects: Effects
  readonly #config: () => Config
  readonly #inMemory = new Map<string, InMemory>()
  /** When somebody last asked for a user that is, or comes to be, in memory (monotonic ms): who did may be about to use it. */
  readonly #asked = new Map<string, number>()
  #reporting = false
  /** Users that are not in memory are not opened: the disk is full. */
  refusing = false

  /** `config`: in force when a user is opened. */
  constructor(effects: Effects, config: () => Config) {
    this.#registry = new Registry(effects.clock)
    this.#effects = effects
    this.#config = config
  }

  get size(): number { return this.#registry.size }

  /** The user, open. TempFail if the store or disk is away, or the disk is full. */
  async get(account: Account): Promise<UserActor> {
    this.#note(account.user)
    const open = this.#registry.opened(account.user)
    if (open !== undefined) return open
    try {
      const actor = await this.#get(account)
      this.#note(account.user)
      return actor
    } catch (error) {
      if (!this.#inMemory.has(account.user)) this.#asked.delete(account.user)
      throw error
    }
  }

  /**
   * Hands a message to its user, opening it when needed. Rejects as the user does. What is asked of many users at once neither takes
   * those that another backend has, nor makes any.
   */
  async send(message: UserMessage): Promise<unknown> {
    if (!this.#inMemory.has(message.account.user)) {
      if (message.kind === 'flush') return this.#flush(message)
      const where = message.kind === 'verify' && message.take !== true ? await standingOf(this.#effects, this.#placeOf(message.account).settings, message.account) : 'here'
      if (where === 'elsewhere') return where
      if (where === 'nowhere') return nothingFound
    }
    await this.get(message.account)
    return this.#registry.send(message.account.user, () => this.#openIfRoom(message.account), message)
  }

  /**
   * Removes a user's local files when everything in them is in the store. False: somebody uses the user, or something cannot be
   * uploaded. However long it takes: as for `idle`. Another backend's user is not opened, for that would take it from there.
   */
  async evict(account: Account): Promise<boolean> {
    const { directory } = this.#placeOf(account)
    if (!this.#inMemory.has(account.user) && !await this.#hasFiles(directory)) return true
    let actor: UserActor
    try {
      actor = await this.#registry.get(account.user, () => this.#openOwn(account))
    } catch (error) {
      if (error instanceof LeftUser) return true
      throw error
    }
    const asked = this.#asked.get(account.user) ?? -Infinity
    if (this.#effects.clock.monotonic() - asked < limits.userIdleMs || !actor.beginEviction()) return false
    await this.#registry.close(account.user, Infinity)
    return actor.evicted
  }

  /** Removes the local files of a user that is known nowhere any more. False: it is in memory. */
  async forget(user: string, directory: string): Promise<boolean> {
    if (this.#inMemory.has(user)) return false
    await this.#effects.files.remove(`${directory}/mailboxes`)
    await this.#effects.files.remove(`${directory}/root`)
    return true
  }

  /** Flushes and closes all of them. */
  stop(deadlineMs: number): Promise<void> { return this.#registry.stop(deadlineMs) }

  async #hasFiles(directory: string): Promise<boolean> {
    for (const part of ['root', 'mailboxes']) if ((await this.#effects.files.list(`${directory}/${part}`)).length > 0) return true
    return false
  }

  #note(user: string): void { this.#asked.set(user, this.#effects.clock.monotonic()) }

  async #openIfRoom(account: Account): Promise<UserActor> {
    if (!this.refusing) return this.#open(account)
    throw new TempFail('the local disk for indexes is full (metacache_max_space, metacache_max_grace)')
  }

  /** Who asks while the user is being left to another backend means to have it all the same. */
  async #get(account: Account): Promise<UserActor> {
    try {
      return await this.#registry.get(account.user, () => this.#openIfRoom(account))
    } catch (error) {
      if (!(error instanceof LeftUser)) throw error
      return this.#get(account)
    }
  }

  /** Of one that is not in memory, if it has files here: what only they have is uploaded, or left to the backend that has the user. */
  async #flush(message: UserMessage & { kind: 'flush' }): Promise<FlushAnswer> {
    const { account } = message
    if (!await this.#hasFiles(this.#placeOf(account).directory)) return 'nothing'
    try {
      return await this.#registry.send<undefined>(account.user, () => this.#openOwn(account), message)
    } catch (error) {
      if (error instanceof LeftUser) return 'left'
      throw error
    }
  }

  /** LeftUser: another backend has it, and its local files are gone. */
  async #openOwn(account: Account): Promise<UserActor> {
    if (await leaveIfLost(this.#effects, this.#placeOf(account).settings, account)) throw new LeftUser(account.user)
    return this.#open(account)
  }

  async #open(account: Account): Promise<UserActor> {
    const { user } = account
    const { settings, directory } = this.#placeOf(account)
    const actor = await openUser(this.#effects, settings, account, {
      // However long it takes: whoever opened the user again before its end would be a second writer.
      idle: () => { void this.#registry.close(user, Infinity).catch(() => {}) },
      closed: (space, unsaved) => {
        this.#inMemory.delete(user)
        this.#asked.delete(user)
        this.#report([{ user, directory, space, unsaved, open: false }])
      },
    })
    this.#inMemory.set(user, { actor, directory, told: -1 })
    this.#reportLater()
    return actor
  }

  /** Its settings, and where its local files are. */
  #placeOf(account: Account): { settings: Settings; directory: string } {
    const variables = userVariables({ user: account.user, home: account.home, fields: account.fields })
    const settings = settingsOfUser(expandSettings(settingsFor(this.#config(), {}), variables), account.fields)
    try {
      return { settings, directory: parseMailLocation(account.fields['mail'] ?? settings.mail_location, account).index }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.#effects.emit({ level: 'error', name: 'user.location', user: account.user, text: error.message })
      throw new TempFail('it is not known where the mail of this user is')
    }
  }

  #report(users: UserSpace[]): void {
    if (users.length > 0) this.#effects.tell('metacache', { kind: 'space', users } satisfies MetacacheMessage)
  }

  /** Tells now and then what users in memory take, where that has changed; of new ones at once. */
  #reportLater(): void {
    if (this.#reporting) return
    this.#reporting = true
    const fresh = [...this.#inMemory.values()].some(({ told }) => told < 0)
    this.#effects.timers.after(fresh ? 0 : limits.spaceReportMs, () => { void this.#reportNow() })
  }

  async #reportNow(): Promise<void> {
    const changed: UserSpace[] = []
    for (const [user, known] of [...this.#inMemory]) {
      const space = await known.actor.space().catch((): LocalSpace => noSpace)
      // It may have ended meanwhile, and said so.
      if (this.#inMemory.get(user) !== known || totalOf(space) === known.told) continue
      known.told = totalOf(space)
      changed.push({ user, directory: known.directory, space, unsaved: known.actor.unsaved, open: true })
    }
    this.#report(changed)
    this.#reporting = false
    if (this.#inMemory.size > 0) this.#reportLater()
  }
}
