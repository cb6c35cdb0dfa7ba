// The user actor: the single writer of everything one user owns. Sessions on the same thread call it; deliveries from other
// threads come as messages. It loads mailboxes when they are needed, and asks to be closed when nobody has needed it for a
// while.

import type { Actor, Description } from '../../runtime/actor.ts'
import type { Cancel, RequestContext } from '../../runtime/effects.ts'
import { TempFail, messageOf } from '../../runtime/errors.ts'
import type { Limits } from '../../runtime/limits.ts'
import { appendDrafts } from './append.ts'
import { AttachedSessions } from './attached-sessions.ts'
import { moveAll } from './copy.ts'
import { deliveryMailbox } from './delivery-mailbox.ts'
import { Figures } from './figures.ts'
import type { MailboxFolders } from './folders.ts'
import type { LostUser } from './lost-user.ts'
import type { MailboxWorld } from './mailbox.ts'
import { noSpace } from './local-space.ts'
import type { LocalSpace } from './local-space.ts'
import { covers } from './quota-rules.ts'
import { usageOf } from './quota-usage.ts'
import { RunningCalls } from './running-calls.ts'
import { Shelf } from './shelf.ts'
import type { Account, AppendResult, Delivery, DeliveryResult, Draft, MailboxHandle, MailboxInfo, MailboxStatus, NamespaceInfo, News, QuotaUsage, User, UserMessage, Verification } from './types.ts'
import { Upkeep } from './upkeep.ts'
import { verifyUser } from './verify.ts'

export interface UserOptions {
  /** Called when the user has been idle for a while: whoever holds it should stop and forget it. */
  idle?(): void
  /** Called at its end: what its local files take of the disk now, and whether the store lacks something of it. */
  closed?(space: LocalSpace, unsaved: boolean): void
  limits?: Partial<Limits>
}

export interface ActorOptions extends UserOptions {
  /** Leaves a user that is lost to its new owner, when nothing runs any more. */
  leave(): Promise<void>
  /** Removes the local files, of which the store has everything. */
  forget(): Promise<void>
}

export class UserActor implements User, Actor<UserMessage> {
  readonly account: Account
  readonly concurrent = true
  readonly #world: MailboxWorld
  readonly #folders: MailboxFolders
  readonly #shelf: Shelf
  readonly #options: ActorOptions
  readonly #upkeep: Upkeep
  readonly #sessions: AttachedSessions
  readonly #figures: Figures
  readonly #running = new RunningCalls(() => { this.#watchIdle() })
  #idleTimer: Cancel | undefined
  #stopping: Promise<void> | undefined
  /** Another backend has the user: nothing more is written. */
  #lost: LostUser | undefined
  /** It asked to be closed: it stays this backend's. */
  #idle = false
  /** Its local files are to go with it, and (at its end) whether they did. */
  #evicting = false
  #evicted = false

  constructor(account: Account, world: Omit<MailboxWorld, 'target'>, folders: MailboxFolders, options: ActorOptions) {
    this.account = account
    this.#options = options
    this.#folders = folders
    this.#world = { ...world, target: (context, name) => this.#acquire(context, name, 'TRYCREATE') }
    this.#shelf = new Shelf({
      world: this.#world,
      identity: (guid) => folders.identity(guid),
      loading: (guid) => { this.#figures.loading(guid) },
      closed: async (guid, kept) => {
        await folders.keepStatus(guid, kept)
        this.#figures.closed(guid)
      },
      empty: () => { this.#watchIdle() },
    })
    this.#figures = new Figures(this.#world, folders, this.#shelf)
    // Those that do nothing learn all the same when another backend has the user.
    this.#sessions = new AttachedSessions(world.effects, { ...world.policy, idleMs: world.limits.leaseIdleMs }, (afterMs) => { folders.foreseeAfter(afterMs) })
    this.#upkeep = new Upkeep({
      world: this.#world, folders, shelf: this.#shelf,
      run: (call) => this.#run(call), count: (call) => this.#running.add(call), ending: () => this.#stopping !== undefined || this.#lost !== undefined,
    })
    this.#watchIdle()
  }

  attach(session: Parameters<User['attach']>[0]): Cancel {
    this.#sessions.add(session)
    this.#idleTimer?.()
    return () => {
      this.#sessions.remove(session)
      this.#watchIdle()
    }
  }

  namespaces(): readonly NamespaceInfo[] { return this.#folders.namespaces }
  list(): readonly MailboxInfo[] { return this.#folders.list.infos }
  find(name: string): MailboxInfo | undefined { return this.#folders.find(name) }
  nameOf(guid: string): string | undefined { return this.#folders.list.nameOf(guid) }
  subscriptions(): readonly string[] { return this.#folders.list.subscriptions }
  watch(watcher: (news: News) => void): Cancel { return this.#world.watchers.watch(watcher) }

  subscribe(context: RequestContext, name: string): Promise<void> { return this.#run(() => this.#subscribe(context, name, true)) }
  unsubscribe(context: RequestContext, name: string): Promise<void> { return this.#run(() => this.#subscribe(context, name, false)) }

  create(context: RequestContext, name: string, options: { specialUse?: string[] } = {}): Promise<MailboxInfo> {
    return this.#run(() => this.#create(context, name, options.specialUse))
  }

  delete(context: RequestContext, name: string): Promise<void> {
    return this.#run(async () => {
      const visible = this.#visible(name)
      const guid = await this.#folders.delete(context, name)
      this.#world.watchers.tell({ kind: 'deleted', session: context.session, name: visible })
      if (guid === undefined) return
      this.#shelf.loaded(guid)?.leave('The mailbox was deleted')
      this.#upkeep.erase(guid)
    })
  }

  rename(context: RequestContext, from: string, to: string): Promise<void> {
    return this.#run(async () => {
      if (!this.#folders.isInbox(from)) {
        const [top, ...below] = await this.#folders.rename(context, from, to)
        this.#world.watchers.tell({ kind: 'renamed', session: context.session, ...top!, below })
        return
      }
      // RFC 3501 §6.3.5: INBOX stays, its mails move.
      const { name } = await this.#folders.create(context, to, [])
      this.#world.watchers.tell({ kind: 'renamed', session: context.session, name, from: 'INBOX', below: [] })
      const inbox = await this.#acquire(context, 'INBOX', 'NONEXISTENT')
      try { await moveAll(inbox.mailbox, context, name) } finally { inbox.release() }
    })
  }

  metadata(name: string): ReadonlyMap<string, string> { return this.#folders.metadata(name) }

  setMetadata({ session }: RequestContext, name: string, entries: ReadonlyMap<string, string | undefined>): Promise<void> {
    return this.#run(async () => {
      await this.#folders.setMetadata(name, entries)
      this.#world.watchers.tell({ kind: 'metadata', session, name: this.#visible(name), entries: [...entries.keys()] })
    })
  }

  acl(name: string): ReadonlyMap<string, string> { return this.#folders.acl(name) }

  setAcl({ session }: RequestContext, name: string, identifier: string, rights: string | undefined): Promise<void> {
    return this.#run(async () => {
      const before = new Map(this.#folders.acl(name))
      await this.#folders.setAcl(name, identifier, rights)
      this.#world.watchers.tell({ kind: 'acl', session, name: this.#visible(name), before })
    })
  }

  status(context: RequestContext, name: string): Promise<MailboxStatus> {
    return this.#run(async () => {
      const guid = this.#folders.guidOf(name, 'NONEXISTENT')
      return this.#figures.of(context, guid)
    })
  }

  quotaRoots(name: string): readonly string[] {
    return this.#world.policy.quota.filter((root) => !root.hidden && covers(root, name)).map((root) => root.name)
  }

  quota(context: RequestContext, name: string): Promise<QuotaUsage | undefined> {
    return this.#run(async () => {
      const root = this.#world.policy.quota.find((one) => one.name === name && !one.hidden)
      if (root === undefined) return undefined
      return usageOf(root, this.list(), (guid) => this.#figures.of(context, guid))
    })
  }

  open(context: RequestContext, name: string): Promise<MailboxHandle> {
    return this.#run(async () => {
      this.#folders.foreseeAfter(this.#world.limits.leaseReadMs)
      const { mailbox, release } = await this.#acquire(context, name, 'NONEXISTENT')
      return { mailbox, close: release, rest: () => { release({ patient: true }) } }
    })
  }

  append(context: RequestContext, name: string, drafts: Draft[]): Promise<AppendResult> {
    return this.#run(async () => {
      const { mailbox, release } = await this.#acquire(context, name, 'TRYCREATE')
      try { return await appendDrafts(mailbox, context, drafts) } finally { release() }
    })
  }

  deliver(context: RequestContext, delivery: Delivery): Promise<DeliveryResult> {
    return this.#run(async () => {
      const mailbox = await deliveryMailbox(this, this.#world.policy, context, delivery)
      const { uidValidity, uids } = await this.append(context, mailbox, [delivery.draft])
      return { mailbox, uidValidity, uid: uids[0]! }
    })
  }

  receive(message: UserMessage): Promise<DeliveryResult | Verification | void> {
    switch (message.kind) {
      case 'deliver': return this.deliver({ user: this.account.user, session: message.delivery.session, reason: 'lmtp:cmd_data' }, message.delivery)
      case 'flush': return this.flush()
      case 'verify': return this.#run(() => verifyUser({ world: this.#world, folders: this.#folders, shelf: this.#shelf }, message))
    }
  }

  /** Uploads everything that the store lacks. TempFail if some of it could not be. */
  flush(): Promise<void> {
    return this.#run(async () => {
      const context: RequestContext = { user: this.account.user, reason: 'metacache:flush_all_changed' }
      const guids = new Set([...await this.#folders.uncertain(), ...this.#shelf.all().map(({ guid }) => guid)])
      for (const guid of guids) {
        await this.#shelf.within(context, guid, (mailbox) => mailbox.uploads.flush())
      }
      await this.#folders.flush()
    })
  }

  /** Another backend has the user: sessions are told, and whoever holds the user is asked to stop it. */
  lose(error: LostUser): void {
    if (this.#lost !== undefined) return
    this.#lost = error
    this.#world.effects.emit({ level: 'warning', name: 'user.lost', user: this.account.user, text: error.message })
    this.#sessions.tell(`[UNAVAILABLE] ${error.message}`)
    this.#options.idle?.()
  }

  /** Other backends have left something behind. */
  mergeOrphans(): void { this.#upkeep.mergeOrphans() }
  /** A mailbox is to be listed once more. */
  lookLater(): void { this.#upkeep.lookLater() }
  /** The store is not to be trusted: every mailbox is to be compared with it. */
  verifyLater(afterMs?: number): void {
    this.#upkeep.verifyLater(afterMs)
    // It stays until that is done.
    this.#watchIdle()
  }

  /** Ends the user: what runs is finished, then everything is written and uploaded. Settles within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs)
    return this.#stopping
  }

  /** What its local files take of the disk. */
  async space(): Promise<LocalSpace> {
    const loaded = new Map<string, number>()
    for (const mailbox of this.#shelf.all()) loaded.set(mailbox.guid, await mailbox.space())
    return this.#evicted || this.#lost !== undefined ? noSpace : this.#folders.space(loaded)
  }

  /** The store lacks something of it. */
  get unsaved(): boolean { return this.#folders.lacking || this.#shelf.all().some(({ state }) => state.unsaved.all > 0) }

  /**
   * Its end, which is to come next, takes its local files along, if everything can be uploaded before. False: somebody uses the
   * user, and nothing has changed.
   */
  beginEviction(): boolean {
    if (this.#sessions.size > 0 || this.#running.size > 0 || this.#stopping !== undefined || this.#lost !== undefined) return false
    return this.#evicting = true
  }

  /** Its local files are gone. */
  get evicted(): boolean { return this.#evicted }

  describe(): Description {
    return {
      kind: 'user', name: this.account.user,
      values: { sessions: this.#sessions.size, mailboxes: this.#shelf.size, running: this.#running.size },
    }
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#idleTimer?.()
    this.#upkeep.stop()
    this.#sessions.stop('The server is shutting down')
    const { effects, user } = this.#world
    let cancel: Cancel = () => {}
    const deadline = new Promise<'late'>((resolve) => { cancel = effects.timers.after(deadlineMs, () => { resolve('late') }) })
    const outcome = await Promise.race([deadline, this.#finish().then(() => 'done' as const, (error: unknown) => messageOf(error))])
    cancel()
    if (this.#options.closed !== undefined) this.#options.closed(await this.space(), this.unsaved)
    if (outcome === 'done') return
    effects.emit({ level: 'warning', name: 'user.stop_unclean', user, text: `Not everything of ${user} could be uploaded at the end: ${outcome === 'late' ? 'no time left' : outcome}` })
  }

  async #finish(): Promise<void> {
    await this.#running.settled()
    const context: RequestContext = { user: this.account.user, reason: 'metacache:flush_all_changed' }
    if (this.#lost === undefined) await this.#upkeep.wakeUncertain(context)
    if (this.#evicting && this.#lost === undefined) await this.#shelf.tryUploads(context, await this.#folders.uncertain())
    await this.#shelf.closeAll()
    // What needs no upload yet would go unnoticed here, if the user has another owner.
    if (this.#lost === undefined && !this.#idle && !this.#evicting && this.#folders.unsaved().length > 0) await this.#folders.confirm(context).catch(() => {})
    const saved = await this.#folders.close(this.#lost !== undefined ? 'leave' : this.#idle && !this.#evicting ? 'keep' : 'handOver')
    if (this.#lost !== undefined) await this.#options.leave()
    else if (this.#evicting && saved) {
      await this.#options.forget()
      this.#evicted = true
    }
  }

  /** Counts a call in; refuses new ones while the user is on its way out. */
  #run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    if (this.#stopping !== undefined && this.#running.size === 0) return Promise.reject(new TempFail(`${this.account.user} is being closed`))
    this.#idleTimer?.()
    return this.#running.add(call())
  }

  /** A name as LIST shows it. */
  #visible(name: string): string { return this.#folders.find(name)?.name ?? name }

  async #create(context: RequestContext, name: string, specialUse: string[] = []): Promise<MailboxInfo> {
    const info = await this.#folders.create(context, name, specialUse)
    this.#world.watchers.tell({ kind: 'created', session: context.session, name: info.name })
    return info
  }

  async #subscribe({ session }: RequestContext, name: string, on: boolean): Promise<void> {
    if (await this.#folders.subscribe(name, on)) this.#world.watchers.tell({ kind: 'subscription', session, name: this.#visible(name) })
  }

  async #acquire(context: RequestContext, name: string, code: 'NONEXISTENT' | 'TRYCREATE'): ReturnType<MailboxWorld['target']> {
    // Mails go in: not into a mailbox that the store may have down as deleted.
    if (code === 'TRYCREATE') await this.#folders.certain(context)
    return this.#shelf.acquire(context, this.#folders.guidOf(name, code))
  }

  #watchIdle(): void {
    this.#idleTimer?.()
    this.#idleTimer = undefined
    const toDo = this.#folders.looks.guids.length > 0 || this.#folders.distrusted
    if (this.#sessions.size > 0 || this.#running.size > 0 || this.#shelf.size > 0 || this.#stopping !== undefined || toDo) return
    this.#idleTimer = this.#world.effects.timers.after(Math.max(this.#world.limits.userIdleMs, this.#world.policy.closeDelayMs), () => {
      this.#idle = true
      this.#options.idle?.()
    })
  }
}
