// A mailbox in memory: the one place where its messages change. What sessions may do with it is the interface Mailbox;
// the rest is for the user actor's own modules (append.ts, copy.ts, mailbox-uploads.ts, sweeper.ts).
//
// Rule: a change becomes true when the journal has it (see journal.ts); in the same turn it is applied and told to the
// views, so that columns, uidList() and update log never disagree.

import type { ByteRange, Effects, RequestContext } from '../../runtime/effects.ts'
import { TempFail } from '../../runtime/errors.ts'
import type { Limits } from '../../runtime/limits.ts'
import type { Summary } from '../mail/types.ts'
import { AppendQueue } from './append-queue.ts'
import type { Batch } from './append-queue.ts'
import type { Bundles } from './bundles.ts'
import { checkKeywords } from './keywords.ts'
import { copyMessages } from './copy.ts'
import type { UidRange } from './expunge-log.ts'
import { MailError } from './errors.ts'
import { Journal } from './journal.ts'
import { onDisk } from './local-space.ts'
import type { JournalStart } from './journal.ts'
import { encodeMailboxRecord, rowsOf } from './mailbox-records.ts'
import type { MailboxRecord } from './mailbox-records.ts'
import type { MailboxState, Outcome } from './mailbox-state.ts'
import { MailboxUploads } from './mailbox-uploads.ts'
import { mergeOrphans } from './merge-orphans.ts'
import type { MessageCache } from './message-cache.ts'
import type { ObjectIds } from './object-names.ts'
import type { Ownership } from './ownership.ts'
import type { Obox } from './obox.ts'
import type { Policy } from './policy.ts'
import { MessageReader } from './message-reader.ts'
import { lookAgain } from './second-look.ts'
import { encodeSnapshot } from './snapshot.ts'
import { Sweeper } from './sweeper.ts'
import type { CopyOptions, CopyResult, FlagSet, Mailbox, MailboxStatus, MessageHead, ReadContext } from './types.ts'
import { Updates } from './updates.ts'
import { verifyMailbox } from './verify-mailbox.ts'
import type { MailboxVerification } from './verify-mailbox.ts'
import type { Watchers } from './watchers.ts'

/** Another mailbox of the user, kept loaded until released. */
export interface Target { mailbox: LoadedMailbox; release(options?: { patient?: boolean }): void }

/** What all mailboxes of a user share. */
export interface MailboxWorld {
  readonly effects: Effects
  readonly limits: Limits
  readonly policy: Policy
  readonly obox: Obox
  /** The same places in the store of indexes; the same, where there is one store. */
  readonly indexes: Obox
  readonly ids: ObjectIds
  readonly user: string
  readonly ownership: Ownership
  readonly watchers: Watchers
  bundles(mailbox: string): Bundles
  /** TRYCREATE if there is no such mailbox. */
  target(context: RequestContext, name: string): Promise<Target>
}

/** Which mailbox: its name may change while it is loaded. */
export interface MailboxIdentity { readonly guid: string; readonly uidValidity: number; readonly name: string; /** Local. */ readonly directory: string; /** How long its journal was when it was closed. */ readonly least?: { readonly generation: number; readonly size: number } | undefined }

export class LoadedMailbox implements Mailbox {
  readonly identity: MailboxIdentity
  readonly world: MailboxWorld
  readonly state: MailboxState
  readonly cache: MessageCache
  readonly updates: Updates
  readonly appends = new AppendQueue()
  readonly uploads: MailboxUploads
  readonly sweeper: Sweeper
  readonly #reader: MessageReader
  readonly #journal: Journal
  /** UIDs below may be used as soon as `promise` has resolved. */
  #reservation: { ceiling: number; promise?: Promise<unknown> }
  /** Why nothing more may be asked for, and why nothing more is written. */
  #refusal: MailError | TempFail | undefined
  #end: MailError | TempFail | undefined
  /** Moves out of one mailbox go one after the other, so that no message is moved twice. */
  #moving: Promise<unknown> = Promise.resolve()
  #merging: Promise<void> = Promise.resolve()

  constructor(world: MailboxWorld, identity: MailboxIdentity, state: MailboxState, cache: MessageCache, journal: JournalStart) {
    this.world = world
    this.identity = identity
    this.state = state
    this.cache = cache
    this.updates = new Updates(world.limits.updateLog)
    this.#journal = new Journal({
      files: world.effects.files,
      limitBytes: world.limits.journalBytes,
      rowBytes: world.limits.journalRowBytes,
      durableSnapshots: world.policy.fsync !== 'never',
      begin: () => world.ownership.touch(identity.guid),
      snapshot: (generation) => encodeSnapshot(state, generation, []),
    }, journal)
    this.#reservation = { ceiling: state.reserved }
    this.uploads = new MailboxUploads(this)
    this.sweeper = new Sweeper(this)
    this.#reader = new MessageReader(this)
  }

  get guid(): string { return this.identity.guid }
  get name(): string { return this.identity.name }
  get uidValidity(): number { return this.identity.uidValidity }
  get highestModseq(): number { return this.state.highestModseq }
  get keywords(): readonly string[] { return this.state.keywords }
  get messages(): MailboxState['columns'] { return this.state.columns }
  get gone(): boolean { return this.#end !== undefined }
  /** Place in the journal: tells whether figures kept elsewhere are still true. */
  get journalMark(): { generation: number; size: number } { return { generation: this.#journal.generation, size: this.#journal.size } }

  /** What its local files take of the disk. */
  async space(): Promise<number> { return this.#journal.space + onDisk(await this.cache.size()) }

  /**
   * Above every visible UID; not above one that is still to appear, nor above what the uploaded bundle covers: UIDs that
   * were given to failed writes beyond it are forgotten with the local state, and UIDNEXT must never sink.
   */
  get uidNext(): number {
    const { columns, nextUid } = this.state
    const visible = columns.count === 0 ? 1 : columns.uids[columns.count - 1]! + 1
    return Math.max(visible, Math.min(this.appends.first ?? nextUid, this.state.ceiling))
  }

  get status(): MailboxStatus {
    const { state } = this
    return {
      messages: state.columns.count, recent: state.columns.count - state.columns.rowFrom(state.firstRecent), uidNext: this.uidNext,
      uidValidity: this.uidValidity, unseen: state.unseen, highestModseq: state.highestModseq, size: state.size,
      deleted: state.deleted, deletedSize: state.deletedSize, guid: this.guid,
    }
  }

  firstUnseen(): number { return this.state.firstUnseen() }

  claimRecent(readOnly: boolean): number {
    const first = this.state.firstRecent
    const { columns } = this.state
    const next = columns.count === 0 ? 1 : columns.uids[columns.count - 1]! + 1
    if (!readOnly && next > first && !this.gone) {
      this.state.firstRecent = next
      // Where the disk refuses this, the messages may be \Recent once more after a restart.
      this.commit({ kind: 'recent', uid: next }).catch(() => {})
    }
    return first
  }

  vanishedSince(modseq: number): readonly UidRange[] | undefined {
    return modseq > this.state.highestModseq ? undefined : this.state.expunges.since(modseq)
  }

  async store({ session }: RequestContext, uids: readonly number[], change: { mode: 'add' | 'remove' | 'replace'; flags: FlagSet; unchangedSince?: number; by?: object }): Promise<{ changed: number[]; modified: number[] }> {
    this.check()
    if (change.mode !== 'remove') checkKeywords(this.state, change.flags.keywords, this.world.limits)
    const existing = this.existing(uids)
    if (existing.length === 0) return { changed: [], modified: [] }
    const { mode, flags, unchangedSince = 0 } = change
    const { changed = [], modified = [] } = await this.commit({ kind: 'flags', uids: existing, mode, flags, unchangedSince }, { by: change.by, session })
    return { changed, modified }
  }

  async expunge({ session }: RequestContext, uids: readonly number[]): Promise<number[]> {
    this.check()
    const existing = this.existing(uids)
    if (existing.length === 0) return []
    // Durable, as their objects are deleted next: a message that came back without one could not be read.
    const { expunged } = await this.commit({ kind: 'expunge', uids: existing }, { durable: true, session })
    this.sweeper.wake()
    return expunged?.uids ?? []
  }

  async copy(context: RequestContext, uids: readonly number[], to: string, options: CopyOptions): Promise<CopyResult> {
    if (!options.move) return copyMessages(this, context, uids, to, options)
    const turn = this.#moving.then(() => copyMessages(this, context, uids, to, options))
    this.#moving = turn.catch(() => {})
    return turn
  }

  /** What other backends have left behind comes in. TempFail: some of it does later. */
  mergeOrphans(context: RequestContext): Promise<void> {
    this.#merging = this.#merging.catch(() => {}).then(() => mergeOrphans(this, context))
    return this.#merging
  }

  /** What came late into the store comes in, what went late goes (second-look.ts). TempFail: later. */
  lookAgain(context: RequestContext): Promise<void> {
    this.#merging = this.#merging.catch(() => {}).then(() => lookAgain(this, context))
    return this.#merging
  }

  /** Compares the mailbox with what the store has of it (verify-mailbox.ts). Not beside the former: what two had found would come in twice. */
  verify(context: RequestContext, fix: boolean, keep = false): Promise<MailboxVerification> {
    const mine = this.#merging.catch(() => {}).then(() => verifyMailbox(this, context, fix, keep))
    this.#merging = mine.then(() => {}, () => {})
    return mine
  }

  /** UIDs whose mails may still come into the mailbox, ascending: a listing that finds them must take them. */
  pendingUids(): number[] {
    const late = (this.world.ownership.looking(this.guid)?.uids ?? []).flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => first + at))
    return [...new Set([...late.filter((uid) => this.state.columns.rowOf(uid) < 0), ...this.appends.inFlight()])].sort((a, b) => a - b)
  }

  async summary(context: ReadContext, uid: number): Promise<Summary> { return this.#reader.summary(context, uid) }

  heads(_context: RequestContext, uids: ArrayLike<number>): AsyncIterable<Iterable<MessageHead>> { return this.#reader.heads(uids) }

  async read(context: ReadContext, uid: number, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    return this.#reader.read(context, uid, range)
  }

  /** A change: written, then applied and told. `durable`: power loss must not undo it (mail_fsync permitting); `session`: whose it is. */
  async commit(record: MailboxRecord, options: { durable?: boolean; by?: object | undefined; session?: string | undefined } = {}): Promise<Outcome> {
    if (this.#end !== undefined) throw this.#end
    const { fsync } = this.world.policy
    // The first change after a clean end, too: a journal that ends with one has lost nothing.
    const durable = fsync === 'always' || (fsync === 'optimized' && (options.durable === true || this.state.clean))
    return this.#journal.append(encodeMailboxRecord(record), durable, () => {
      const outcome = this.state.apply(record)
      this.#tell(outcome, options.by, options.session)
      return outcome
    }, rowsOf(record))
  }

  /** UIDs for `count` messages to come, in the order of the calls. */
  allocate(count: number): Batch {
    const first = this.state.nextUid
    if (first + count > 0xffffffff) throw new MailError('LIMIT', 'The mailbox has no UIDs left')
    this.state.nextUid += count
    return this.appends.add(Array.from({ length: count }, (_, index) => first + index))
  }

  /** Resolves when no crash and no loss of the local state can give the batch's UIDs to others. */
  async reserved(batch: Batch): Promise<void> {
    const needed = batch.uids.at(-1)! + 1
    if (needed > this.#reservation.ceiling) {
      const ceiling = needed + this.world.limits.uidReserveJournal
      // Durable: a write that is still on its way after a loss of power has one of these UIDs in its name.
      const promise = this.commit({ kind: 'reserve', ceiling }, { durable: true })
      const reservation: { ceiling: number; promise?: Promise<unknown> } = this.#reservation = { ceiling, promise }
      promise.then(() => { delete reservation.promise }, () => { if (this.#reservation === reservation) this.#reservation.ceiling = this.state.reserved })
    }
    if (this.#reservation.promise !== undefined) await this.#reservation.promise
    const { ownership, user } = this.world
    if (ownership.uidCeiling(this.guid) < needed) await ownership.allowUids({ user, reason: 'obox:mailbox_uids_reserve' }, this.guid, needed)
    if (this.state.ceiling < needed) await this.uploads.coverUids(needed)
  }

  /** Those of `uids` that exist, ascending, each once. */
  existing(uids: readonly number[]): number[] {
    const { columns } = this.state
    let row = -1
    // Mostly that is all of them, and they come in order.
    let at = 0
    for (let last = 0; at < uids.length && uids[at]! > last && (row = columns.rowNear(uids[at]!, row + 1)) >= 0; at++) last = uids[at]!
    if (at === uids.length) return uids.slice()
    const found = uids.filter((uid) => columns.rowOf(uid) >= 0)
    return [...new Set(found)].sort((a, b) => a - b)
  }

  /** The mailbox was deleted: views are told, nothing can be changed. */
  leave(reason: string): void { this.#finish(new MailError('NONEXISTENT', reason)) }

  /** It could not be loaded to the end: whoever loads it next finds the files at rest, and nobody else writes them. */
  async abandon(): Promise<void> {
    this.#finish(new TempFail(`${this.name} could not be loaded`))
    await this.uploads.settled()
    await this.#journal.settled()
  }

  /** Throws once the mailbox is closing or gone. */
  check(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  /** Ends the mailbox: waits for what is under way, uploads the bundle if due, and marks that UIDNEXT is exact. */
  async close(options: { upload: boolean }): Promise<void> {
    this.#refusal ??= new TempFail(`${this.name} is being closed`)
    this.uploads.stop()
    await this.appends.idle()
    await this.sweeper.settled()
    try {
      if (!this.gone) {
        if (options.upload && this.uploads.due) await this.uploads.tryUpload()
        await this.uploads.settled()
        await this.#compactCache()
        if (!this.state.clean) await this.commit({ kind: 'clean', uidNext: this.state.nextUid }, { durable: true })
      }
    } finally {
      // Whatever failed: from here on another may load the mailbox.
      await this.#journal.settled()
      this.#finish(new TempFail(`${this.name} was closed`))
    }
  }

  #finish(reason: MailError | TempFail): void {
    if (this.gone) return
    this.#refusal = this.#end = reason
    this.uploads.stop()
    this.updates.publish({ kind: 'gone', reason: reason.message })
  }

  /** Where most of the cache file belongs to no message any more, writes it anew. */
  async #compactCache(): Promise<void> {
    const { columns } = this.state
    let live = 0
    for (let row = 0; row < columns.count; row++) live += columns.cacheLengths[row]!
    const size = await this.cache.size()
    if (size < this.world.limits.cacheCompactBytes || size < live * 2) return
    await this.cache.compact(columns, this.world.limits.readWindowBytes)
    this.state.cacheGeneration = this.cache.generation
    await this.#journal.rotate()
    await this.cache.removeOthers()
  }

  #tell(outcome: Outcome, by: object | undefined, session: string | undefined): void {
    const { updates } = this
    if (outcome.newKeywords === true) updates.publish({ kind: 'keywords' })
    if (outcome.appended !== undefined && outcome.appended.count > 0) updates.publish({ kind: 'append', ...outcome.appended, ...(session === undefined ? {} : { session }) })
    if (outcome.expunged !== undefined && outcome.expunged.uids.length > 0) updates.publish({ kind: 'expunge', ...outcome.expunged })
    if (outcome.changed !== undefined && outcome.changed.length > 0) {
      updates.publish({ kind: 'flags', uids: outcome.changed, ...(by === undefined ? {} : { by }) })
    }
    this.uploads.changed()
    if (this.world.watchers.any) this.#tellWatchers(outcome, session)
  }

  #tellWatchers({ appended, expunged, changed, unseen = false }: Outcome, session: string | undefined): void {
    const happened = { appended: (appended?.count ?? 0) > 0, expunged: (expunged?.uids.length ?? 0) > 0, flags: (changed?.length ?? 0) > 0, unseen }
    if (!happened.appended && !happened.expunged && !happened.flags) return
    this.world.watchers.tell({ kind: 'messages', session, guid: this.guid, ...happened, status: this.status })
  }
}
