// What a session is to its commands (ImapSession), and to the machine that runs them: login, selected mailbox, what is told unasked; the
// running command and the bytes are a Dialogue's. Idle, it holds a handful of fields.

import { Bug, Cancelled } from '../../../runtime/errors.ts'
import type { Cancel } from '../../../runtime/effects.ts'
import { workaroundsFor } from '../../../conf/clients.ts'
import type { User } from '../../user/types.ts'
import type { ProxyTarget } from '../../auth-messages.ts'
import { BreaksSequences, ExpectsNews } from './command.ts'
import type { Counters, Credentials, ImapSession, Workaround } from './command.ts'
import { capability, preLoginCapability } from './capabilities.ts'
import { all as allCommands } from './commands/index.ts'
import type { SessionState } from './dispatch.ts'
import { Dialogue } from './dialogue.ts'
import type { ParserOptions } from './grammar.ts'
import { authenticate, settle } from './login.ts'
import { loginAtBackend } from './proxy.ts'
import type { LoggedIn } from './proxy.ts'
import { parserOptionsOf } from './parser-options.ts'
import { logLogin, logLogout, noCounters } from './log.ts'
import { openerFor, wakeOrLeave } from './reopen.ts'
import { No, ok } from './result.ts'
import { speaksRev2 } from './revision.ts'
import type { Ok } from './result.ts'
import { nothing } from './notify/arguments.ts'
import type { NotifyArguments } from './notify/arguments.ts'
import { Notifier } from './notify/notifier.ts'
import { Selection } from './selection.ts'
import { decided, tellDue } from './unasked.ts'
import type { Due } from './unasked.ts'
import type { SyncMode } from './view.ts'

/** What goes along to the user's home worker. */
export interface Frozen { readonly tag: string; readonly mechanism: string; readonly workarounds?: readonly Workaround[] }

const none: ReadonlySet<string> = new Set()
const noWorkarounds: readonly Workaround[] = []

export class ImapConnection extends Dialogue implements ImapSession {
  #user: User | undefined
  attempts: ImapSession['attempts']
  #detach: Cancel | undefined
  #selection: Selection | undefined
  #enabled: Set<string> | undefined
  #notifier: Notifier | undefined
  #speaking: Promise<void> | undefined
  #counters: Counters | undefined
  loggedOut = false
  identified = false
  /** Those that the client is known to need. */
  #workarounds: readonly Workaround[] = noWorkarounds
  /** The wire is another session's: that of the home of its user, or of whoever logs in next. */
  moved = false
  #afterReply: (() => void) | undefined

  get authenticated(): boolean { return this.#user !== undefined }
  get hasSelected(): boolean { return this.#selection !== undefined }
  get enabled(): ReadonlySet<string> { return this.#enabled ?? none }

  get state(): SessionState {
    if (this.#user === undefined) return 'notauthenticated'
    return this.#selection === undefined ? 'authenticated' : 'selected'
  }

  get user(): User {
    if (this.#user === undefined) throw new Bug('no user before login')
    return this.#user
  }

  get selected(): Selection {
    if (this.#selection === undefined) throw new Bug('no mailbox is selected')
    return this.#selection
  }

  get counters(): Counters { return this.#counters ??= noCounters() }

  override finish(): void {
    super.finish()
    this.#notifier?.wake()
  }

  // ---- The selected mailbox --------------------------------------------------------------------------------------

  async select(name: string, readOnly: boolean): Promise<Selection> {
    const handle = await this.user.open(this.context('imap:cmd_select'), name)
    if (this.silent) {
      handle.close()
      throw new Cancelled('the client is gone')
    }
    this.#selection = new Selection(handle, readOnly, this, openerFor(this))
    this.#notifier?.selected()
    return this.#selection
  }

  get asleep(): boolean { return this.#selection?.asleep ?? false }

  /** Gives back what can be had anew. Answers whether there is nothing more to give back. */
  park(): boolean {
    if (this.silent) return true
    this.world.wire.park()
    this.atRest()
    return this.#selection === undefined || (this.#notifier?.silent !== false && this.#selection.sleep())
  }

  /** Cancelled, and the session ends: the mailbox is gone, or cannot be opened now. */
  async wake(): Promise<void> {
    if (this.#selection !== undefined) await wakeOrLeave(this.#selection, (why) => this.owner.leave(why))
    this.owner.woken()
  }

  unselect(): void {
    this.#selection?.close()
    this.#selection = undefined
    this.#notifier?.selected()
  }

  sync(): void { this.syncAs(this.#syncMode) }

  get #syncMode(): SyncMode { return (this.flags & BreaksSequences) !== 0 ? 'all' : 'no-expunge' }

  /** delay-newmail: clients that are confused by new mail where they do not ask for it, and as badly by expunges. */
  #bearable(mode: SyncMode): SyncMode {
    const delay = this.#notifier === undefined && (this.flags & ExpectsNews) === 0 && this.needs('delay-newmail')
    return delay ? 'flags' : mode
  }

  syncAs(mode: SyncMode): void {
    const allowed = this.#notifier === undefined ? mode : this.#notifier.allowed(mode)
    if (this.#selection === undefined || allowed === undefined) return
    this.#selection.sync(this.#bearable(allowed), this.running.uid || this.notified)
    if (this.#selection.goneBecause !== undefined) this.owner.leave('Selected mailbox was deleted, have to disconnect.')
  }

  /** What a command changes for a search that goes on is told before its reply, if it can be read in time. */
  searched(): Promise<void> | undefined {
    const deciding = this.#selection === undefined ? undefined : decided(this.#selection, this.effects.timers)
    if (deciding === undefined) return this.speak() ? this.#speaking : undefined
    return deciding.then(() => (this.speak() ? this.#speaking : undefined))
  }

  speak(more: readonly Due[] = []): boolean {
    const searched = this.#selection?.takeDue() ?? []
    // What NOTIFY wants of the same messages comes in the same responses.
    const notified = searched.length > 0 && more.length === 0 ? this.#notifier?.newMessages() ?? [] : more
    const dues = [...notified, ...searched]
    if (dues.length === 0) return false
    this.#speaking = tellDue(dues, this).finally(() => {
      this.#speaking = undefined
      this.#notifier?.spoken()
    })
    return true
  }

  sendFlags(): void { this.selected.sendFlags() }

  syncQuietly(): void {
    const allowed = this.#notifier === undefined ? this.#syncMode : this.#notifier.allowed(this.#syncMode)
    if (allowed !== undefined) this.selected.syncQuietly(this.#bearable(allowed), this.running.uid || this.notified)
  }

  takeModseq(): number { return this.selected.takeModseq() }

  enable(extension: string): void {
    if (this.enabled.has(extension)) return
    (this.#enabled ??= new Set()).add(extension)
    if (extension === 'CONDSTORE') this.#selection?.tellModseq()
    if (this.#selection !== undefined) this.#selection.view.hidesRecent = speaksRev2(this)
  }

  // ---- NOTIFY ----------------------------------------------------------------------------------------------------

  get notified(): boolean { return this.#notifier !== undefined }
  get speaking(): Promise<void> | undefined { return this.#speaking }
  get mutesFlags(): boolean { return this.#notifier?.mutesFlags ?? false }

  notify(args: NotifyArguments): Notifier {
    this.#notifier?.close()
    this.#notifier = undefined
    if (args !== nothing && this.#selection !== undefined) {
      this.syncAs('all')
      this.#selection.tellMutedFlags()
    }
    return this.#notifier = new Notifier(args, this)
  }

  // ---- Login -----------------------------------------------------------------------------------------------------

  capability(): string {
    if (this.authenticated) return capability(allCommands, this.settings, this.world.seed)
    return preLoginCapability(allCommands, this.settings, this.world.seed)
  }

  async login(credentials: Credentials): Promise<Ok> {
    const account = await authenticate(this, credentials)
    if (this.silent) throw new Cancelled('the client is gone')
    if ('host' in account) return this.#passOn(await this.#atBackend(account))
    const frozen: Frozen = { tag: this.running.tag, mechanism: credentials.mechanism, workarounds: this.#workarounds }
    const user = await settle(this.world, account, credentials.mechanism, () => ({ state: frozen, input: this.input.rest() }))
    return user === undefined ? this.#leftTo('the home of its user') : this.enter(user, credentials.mechanism)
  }

  /** A backend that is away says nothing of the password. */
  async #atBackend(account: ProxyTarget): Promise<LoggedIn> {
    try {
      return await loginAtBackend(this.world, account, () => this.silent)
    } catch (error) {
      if (this.attempts !== undefined && error instanceof No && error.code === 'UNAVAILABLE') this.attempts.internal = true
      throw error
    }
  }

  #passOn({ link, reply, untagged, about }: LoggedIn): never {
    if (!this.silent && !this.input.isOver) {
      this.world.passThrough(link, this.input.rest(), about, [...untagged, `${this.running.tag} ${reply}`])
      return this.#leftTo('another server')
    }
    link.close()
    throw new Cancelled('the session ends')
  }

  #leftTo(whom: string): never {
    this.moved = true
    this.hush()
    throw new Cancelled(`the session goes on at ${whom}`)
  }

  identify(said: ReadonlyMap<string, string | undefined>): void { this.#workarounds = workaroundsFor(this.world.clients, said) }

  needs(workaround: Workaround): boolean { return this.#workarounds.includes(workaround) || this.settings.imap_client_workarounds.includes(workaround) }

  /** The session is the user's from here on. `workarounds`: of a client that has identified itself on another worker. */
  enter(user: User, mechanism: string, workarounds = this.#workarounds): Ok {
    if (this.silent) throw new Cancelled('the client is gone')
    this.#workarounds = workarounds
    this.#user = user
    this.attempts = undefined
    this.#detach = user.attach({ id: this.world.seed.id, service: 'imap', closing: (reason) => this.owner.leave(reason) })
    this.input.lineBytes = this.settings.imap_max_line_length
    logLogin(this, mechanism)
    return ok('Logged in', `CAPABILITY ${this.capability()}`)
  }

  logout(): void {
    this.loggedOut = true
    this.owner.leave('')
  }

  unauthenticate(): void {
    this.#giveWay(() => {
      logLogout(this, 'Unauthenticated')
      this.world.again(this.input.rest())
    })
  }

  startTls(): void { this.#giveWay(() => this.world.startTls()) }

  /** Behind the tagged reply another session has the wire. */
  #giveWay(begin: () => void): void {
    this.#afterReply = () => {
      this.moved = true
      this.release()
      this.hush()
      begin()
      this.owner.leave('')
    }
  }

  compress(): void { this.#afterReply = () => this.world.wire.compress(this.input.rest()) }

  /** The tagged reply has been written. */
  replied(): void {
    const action = this.#afterReply
    this.#afterReply = undefined
    action?.()
  }

  abort(): never {
    this.abandon()
    this.owner.leave('')
    throw new Cancelled('the response was cut')
  }

  get parserOptions(): ParserOptions { return this.#user === undefined ? {} : parserOptionsOf(this) }

  // ---- The end ---------------------------------------------------------------------------------------------------

  /** Gives back everything. */
  release(): void {
    this.#notifier?.close()
    this.#notifier = undefined
    this.unselect()
    this.#detach?.()
    this.#detach = undefined
  }
}
