// The root of a user: its mailbox list and subscriptions, in memory, in the local root journal, and in the manifest.
//
// Changes go one after the other. A change of the mailbox list is in the manifest before it is true here (unless
// metacache_bg_root_uploads): names exist nowhere else, and a mail must never lie in a folder without one. A failed write
// leaves everything as it was; but it may have happened, and then the manifest says what is not true (that a mailbox was
// deleted): before a mail goes in anywhere, a new one must have taken its place. Subscriptions go up with the next
// manifest; figures are local.

import type { Cancel, Effects, RequestContext } from '../../runtime/effects.ts'
import { ConditionFailed, TempFail, messageOf } from '../../runtime/errors.ts'
import type { Limits } from '../../runtime/limits.ts'
import { lossWith } from './boots.ts'
import type { Loss } from './boots.ts'
import type { Bundles } from './bundles.ts'
import { isAnothers, isBypassed, isOverwritten, tellDamaged, tellForgotten } from './conditions.ts'
import { Journal } from './journal.ts'
import type { JournalStart } from './journal.ts'
import { Lease } from './lease.ts'
import { LostUser } from './lost-user.ts'
import { noManifest } from './manifest.ts'
import type { Manifest, ManifestFacts } from './manifest.ts'
import { latestEpoch } from './object-names.ts'
import type { ObjectIds } from './object-names.ts'
import { OneByOne } from './one-by-one.ts'
import type { Ownership } from './ownership.ts'
import type { Policy } from './policy.ts'
import { isDurable } from './root-durability.ts'
import { afterLook, moreThan } from './root-changes.ts'
import type { Look, RootChange } from './root-changes.ts'
import { encodeRoot, encodeRootChanges } from './root-codec.ts'
import { RootState } from './root-state.ts'

export interface RootWorld {
  readonly effects: Effects
  readonly limits: Limits
  readonly policy: Policy
  readonly ids: ObjectIds
  readonly user: string
  readonly manifest: Manifest
  /** Root bundles, as they were before there was a manifest. */
  readonly bundles: Bundles
}

/** How often a manifest is written again that a late write of our own, or a note of another backend's, has replaced. */
const attempts = 5

/** Who is told of what the manifest says, or the mailboxes. */
export interface RootListener {
  /** Once: another backend has the user. */
  lost(error: LostUser): void
  /** Another backend has left something behind. */
  orphans(): void
  /** A mailbox is to be listed once more. */
  look(): void
  /** Every mailbox is to be compared with the store. */
  distrust(): void
}

export class Root implements Ownership {
  readonly #world: RootWorld
  readonly #journal: Journal
  #state: RootState
  readonly #turns = new OneByOne()
  #timer: Cancel | undefined
  #stopped = false
  /** The manifest may hold a change that failed, or was cut off by a crash. */
  #doubtful: boolean
  /** Set: another backend has the user. */
  #lost: LostUser | undefined
  #listener: RootListener | undefined
  readonly #lease: Lease
  /** Of the clock that never jumps. */
  readonly #settledAt: number
  /** Grows with every change of the list or of subscriptions: whoever computes something from them can keep it. */
  version = 0

  /** `doubtful`: the manifest is ours, and may say what is not true. `since`: when (by the monotonic clock) it was asked that says so. */
  constructor(world: RootWorld, state: RootState, journal: JournalStart, doubtful: boolean, since: number) {
    const { clock } = world.effects
    this.#lease = new Lease(clock, world.limits.leaseMs, since, () => this.confirm({ user: world.user, reason: 'obox:owner' }))
    this.#settledAt = clock.monotonic() + world.limits.secondLookMs
    this.#world = world
    this.#state = state
    this.#doubtful = doubtful
    this.#journal = new Journal({
      files: world.effects.files, limitBytes: world.limits.journalBytes, durableSnapshots: true,
      snapshot: (generation) => encodeRoot(this.#state, generation, world.user),
    }, journal)
    this.#schedule()
  }

  /** Never changed in place by others. */
  get state(): RootState { return this.#state }

  get epoch(): number { return this.#state.epoch }

  get taken(): number { return this.#state.taken }

  /** What its local files take of the disk. */
  get space(): number { return this.#journal.space }

  /** Of a user that was lost while it was opened, that is told at once. */
  listen(listener: RootListener): void { if (this.#lost === undefined) this.#listener = listener; else listener.lost(this.#lost) }

  /**
   * Changes the mailbox list. `decide` looks at the state when its turn has come, may do I/O, and answers the changes (or
   * throws: nothing happens). Resolves when they are true and will stay so.
   */
  change<T>(context: RequestContext, decide: (state: RootState) => Promise<{ changes: RootChange[]; result: T }>): Promise<T> {
    this.#turns.hurryUp()
    return this.#turns.run(async () => {
      const { changes, result } = await decide(this.#state)
      if (changes.length === 0) return result
      if (this.#world.policy.backgroundRootUploads) await this.#write(...changes)
      else await this.#uploadThenWrite(context, changes)
      return result
    })
  }

  /** A change that may reach the store later. */
  note(...changes: RootChange[]): Promise<void> { return this.#turns.run(() => this.#write(...changes)) }

  /** A UIDVALIDITY larger than all before, and than the `given` that are not in the state yet. To be called in `decide`. */
  nextUidValidity(given: number): number {
    return Math.max(Math.trunc(this.#world.effects.clock.now() / 1000), this.#state.lastUidValidity + 1) + given
  }

  /**
   * Resolves when the manifest says nothing that is not true, nor that nothing is missing from it: what is to be written
   * into the store comes after this. TempFail if that cannot be had.
   */
  async certain(context: RequestContext): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    if (!this.#doubtful && !this.#state.clean) return
    this.#turns.hurryUp()
    await this.#turns.run(async () => {
      if (this.#doubtful || this.#state.clean) await this.#upload(context, this.#state)
    })
  }

  /**
   * Resolves when it is sure that the user was ours after everything that the store has answered so far: who takes the
   * user from now on finds it there. LostUser if it was not; TempFail if nobody can tell.
   */
  async confirm(context: RequestContext): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    const since = this.#world.effects.clock.monotonic()
    const facts = await this.#world.manifest.facts(context)
    if (facts !== undefined && isAnothers(this.#state, facts)) throw this.#lose()
    const ours = facts?.owner === this.#state.owner
    // Of a new user there is none until its first mailboxes are there.
    if (!ours && (facts !== undefined || this.#state.tag !== '')) return this.#turns.run(() => this.#mend(context))
    this.#lease.renewed(since)
    if (ours && facts.tag !== this.#state.tag) void this.#turns.run(() => this.#mend(context)).catch(() => {})
  }

  /** The manifest is not as we wrote it, or not there. */
  async #mend(context: RequestContext): Promise<void> {
    const { tag } = await this.#read(context)
    if (tag !== this.#state.tag) await this.#upload(context, this.#state, { tag })
  }

  foresee(): void { this.#lease.foresee() }

  async held(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    await this.#lease.held()
  }

  /** Begins to ask whose the user is, if that was last known longer ago. */
  foreseeAfter(ms: number): void { if (this.#lost === undefined) this.#lease.foresee(ms) }

  uidCeiling(mailbox: string): number { return this.#state.ceilings.get(mailbox) ?? 1 + this.#world.limits.uidReserveBundle }

  async allowUids(context: RequestContext, mailbox: string, needed: number): Promise<void> {
    if (needed <= this.uidCeiling(mailbox)) return
    await this.#turns.run(async () => {
      if (needed <= this.uidCeiling(mailbox)) return
      const { uidReserveManifest } = this.#world.limits
      await this.#uploadThenWrite(context, [{ kind: 'ceiling', guid: mailbox, uid: needed + uidReserveManifest }])
    })
  }

  get unsettledMs(): number { return Math.max(0, this.#settledAt - this.#world.effects.clock.monotonic()) }

  async lookLater(look: Look): Promise<void> {
    // A mailbox that cannot be loaded for long asks for the same each time.
    const more = moreThan(this.#state.looks.get(look.guid), look)
    if (more !== undefined) await this.note({ kind: 'look', look: more })
    this.#listener?.look()
  }

  looking(mailbox: string): Look | undefined { return this.#state.looks.get(mailbox) }

  async looked(mailbox: string): Promise<void> {
    const changes = afterLook(mailbox, this.#state.looks.get(mailbox), this.unsettledMs > 0)
    await this.#turns.run(() => this.#write(...changes))
    this.#listener?.look()
  }

  touch(mailbox: string): Promise<void> | undefined {
    const { effects, policy } = this.#world
    const loss = lossWith(policy.fsync)
    if (loss === undefined || effects.bootId === '' || this.#state.boots.hasTouched(mailbox, loss)) return undefined
    // Not in turn: a flag does not wait for the manifest.
    return this.#write({ kind: 'touched', guid: mailbox, loss })
  }

  doubt(mailbox: string): Loss | undefined { return this.#state.boots.doubtful.get(mailbox) }

  async trust(mailbox: string): Promise<void> {
    if (this.doubt(mailbox) !== undefined) await this.note({ kind: 'trusted', guid: mailbox })
  }

  /** The manifest is not as we wrote it: another backend may have left something behind. */
  async #read(context: RequestContext): Promise<ManifestFacts> {
    const { manifest, effects, user } = this.#world
    const found = await manifest.read(context)
    if (found !== undefined && isAnothers(this.#state, found)) {
      if (isBypassed(this.#state, found)) this.#state.distrusted = true
      throw this.#lose()
    }
    if (found !== undefined && !this.#state.distrusted && (found.state?.distrusted === true || isOverwritten(this.#state, found))) {
      tellForgotten(effects, user)
      manifest.distrust()
      await this.#write({ kind: 'distrust' })
      this.#listener?.distrust()
      return this.#read(context)
    }
    const before = this.#state.orphans.length
    const notes = found?.owner === this.#state.owner ? [...found.state?.orphans ?? []] : []
    if (notes.length > 0) await this.#write({ kind: 'orphans', notes })
    if (this.#state.orphans.length > before) this.#listener?.orphans()
    if (found?.state === undefined) tellDamaged(effects, user, found === undefined)
    return found ?? noManifest
  }

  handed(mailbox: string): string | undefined { return this.#state.built.has(mailbox) ? undefined : this.#state.handed.get(mailbox) }

  orphans(mailbox: string): string[] { return this.#state.orphans.filter((note) => note.mailbox === mailbox).map(({ name }) => name) }

  merged(context: RequestContext, mailbox: string, names: readonly string[]): Promise<void> {
    return this.#turns.run(async () => {
      await this.#write({ kind: 'merged', mailbox, names: [...names] })
      await this.#upload(context, this.#state)
    })
  }

  async rebuilding(context: RequestContext, mailbox: string): Promise<void> {
    await this.#turns.run(async () => {
      // It had told modseqs in this epoch that nobody else knows.
      if (this.#state.built.has(mailbox)) await this.#upload(context, this.#state, { epoch: this.#state.epoch + 1 })
      await this.#write({ kind: 'built', guid: mailbox })
      await this.touch(mailbox)
    })
  }

  async outgrow(context: RequestContext, bundles: Iterable<string>): Promise<void> {
    const latest = latestEpoch(bundles)
    if (latest > this.#state.epoch) await this.#turns.run(() => this.#upload(context, this.#state, { epoch: Math.max(latest, this.#state.epoch) + 1 }))
  }

  /** Uploads what the store lacks. `handed`: and says that nothing is missing there, and where everything is. */
  flush(reason: string, handed?: ReadonlyMap<string, string>): Promise<void> {
    const context: RequestContext = { user: this.#world.user, reason, hurry: this.#turns.hurry }
    return this.#turns.run(async () => {
      await this.#copy(context)
      if (this.#state.unsaved === 0 && !this.#doubtful && (handed === undefined || this.#state.clean)) return
      await this.#upload(context, this.#state, handed === undefined ? {} : { handed })
    })
  }

  /** Of one mailbox there is nothing to copy. */
  get #copyDue(): boolean { return this.#state.uncopied && this.#state.entries.size > 1 }

  /** The manifest's copy, before the manifest that says that there is one. One that fails is made up for. */
  async #copy(context: RequestContext): Promise<void> {
    if (!this.#copyDue || this.#lost !== undefined) return
    try {
      await this.#world.manifest.writeCopy(context, this.#state)
      await this.#write({ kind: 'copied' })
    } catch (error) {
      if (!(error instanceof TempFail)) throw error
      this.#schedule()
    }
  }

  /** No more uploads by time. */
  stop(): void {
    this.#stopped = true
    this.#timer?.()
  }

  /** Resolves when everything asked for has ended. */
  async settled(): Promise<void> {
    await this.#turns.settled()
    await this.#journal.settled()
  }

  async #write(...changes: RootChange[]): Promise<void> {
    const listed = changes.some(({ kind }) => kind === 'create' || kind === 'delete' || kind === 'move' || kind === 'subscribe')
    const durable = isDurable(changes, this.#world.policy.fsync, this.#state.epoch)
    await this.#journal.append(encodeRootChanges(changes), durable, () => {
      for (const change of changes) this.#state.apply(change)
      if (listed) this.version++
    })
    this.#schedule()
  }

  async #uploadThenWrite(context: RequestContext, changes: RootChange[]): Promise<void> {
    const next = this.#state.clone()
    for (const change of changes) next.apply(change)
    let written = false
    try {
      await this.#upload(context, next, { between: async () => {
        await this.#write(...changes)
        written = true
      } })
    } catch (error) {
      // The change is true: only the note that it is uploaded is missing, and the next upload makes up for it.
      this.#doubtful = true
      if (written) return
      throw error
    }
  }

  /** Writes `state` as the manifest; `between` comes when it is up, and before the journal says that nothing is missing. */
  async #upload(context: RequestContext, state: RootState, options: { between?: () => Promise<void>; handed?: ReadonlyMap<string, string>; epoch?: number; tag?: string } = {}): Promise<void> {
    const next = state.clone()
    next.clean = options.handed !== undefined
    next.handed = options.handed ?? state.handed
    next.epoch = options.epoch ?? state.epoch
    next.write = this.#world.ids.guid()
    next.writes = state.writes + 1
    const covers = state.unsaved
    const tag = await this.#put(context, next, options.tag ?? this.#state.tag)
    await options.between?.()
    await this.#write({ kind: 'owned', epoch: next.epoch, tag, write: next.write, clean: next.clean, covers, writes: next.writes })
    this.#doubtful = false
    await this.#removeOld(context)
  }

  /** `tag`: of what it is to replace. */
  async #put(context: RequestContext, next: RootState, tag: string): Promise<string> {
    const { manifest } = this.#world
    const { clock } = this.#world.effects
    for (let attempt = 1; ; attempt++) {
      const since = clock.monotonic()
      try {
        const written = await manifest.write(context, next, tag)
        this.#lease.renewed(since)
        return written
      } catch (error) {
        if (!(error instanceof ConditionFailed)) {
          this.#doubtful = true
          throw error
        }
        const facts = await this.#read(context)
        // Done all the same: by the first of two tries below us.
        if (facts.write === next.write) return facts.tag
        if (attempt === attempts) throw new TempFail(`the manifest of ${this.#world.user} changes all the time`)
        // A write of ours that was given up came late, or another backend has left something behind.
        next.orphans = this.#state.orphans
        tag = facts.tag
        next.epoch = Math.max(next.epoch, facts.epoch)
        next.writes = Math.max(next.writes, facts.writes + 1)
      }
    }
  }

  #lose(): LostUser {
    if (this.#lost === undefined) {
      this.#lost = new LostUser(this.#world.user)
      this.stop()
      this.#listener?.lost(this.#lost)
    }
    return this.#lost
  }

  /** Root bundles of the time before the manifest. Those that are left are tried again next time. */
  async #removeOld(context: RequestContext): Promise<void> {
    if (this.#state.bundles.size === 0) return
    const names = await this.#world.bundles.remove(context, [...this.#state.bundles]).catch(() => [])
    if (names.length > 0) await this.#write({ kind: 'removed', names })
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#stopped || (this.#state.unsaved === 0 && !this.#copyDue)) return
    const { effects, policy, user } = this.#world
    this.#timer = effects.timers.after(policy.uploadIntervalMs, () => {
      this.#timer = undefined
      if (this.#stopped) return
      this.flush('metacache:upload_root').catch((error: unknown) => {
        effects.emit({ level: 'warning', name: 'metacache.upload_failed', user, text: `Root index could not be uploaded: ${messageOf(error)}` })
        this.#schedule()
      })
    })
  }
}
