// The selected mailbox of a session, and how its changes are told. RFC 3501 §7.2.6, §7.3, §7.4.
//
// With CONDSTORE switched on, FETCH responses carry the MODSEQ (RFC 7162 §3.2); with QRESYNC also the UID, VANISHED stands
// for EXPUNGE (§3.2.10), and the client is told up to which modseq it knows everything (`OK [HIGHESTMODSEQ …]`), as Dovecot does.
// IMAP4rev2 hears the UID of every message that it has not asked about (RFC 9051 §7.5.2).
// While the client is silent and nothing happens it sleeps: the view is packed, the mailbox is nobody's and may be closed. It wakes before
// anything is asked of it; who listens hears of changes all the while.
// With UIDONLY (RFC 9586) a message is named by its UID alone: UIDFETCH for FETCH, VANISHED for EXPUNGE.

import type { Cancel } from '../../../runtime/effects.ts'
import { Bug } from '../../../runtime/errors.ts'
import type { Mailbox, MailboxHandle } from '../../user/types.ts'
import type { Selected } from './command.ts'
import { everySystemFlag, flags as flagList } from './encode.ts'
import { flagsOf } from './fetch/flags.ts'
import type { LiveSearch } from './search/live-search.ts'
import type { Opener } from './reopen.ts'
import { speaksRev2, speaksUidsOnly } from './revision.ts'
import { SequenceSet } from './sequence-set.ts'
import type { Due } from './unasked.ts'
import { View } from './view.ts'
import type { PackedView, SyncMode, ViewEvents } from './view.ts'

/** The session, as its selected mailbox sees it. */
export interface Listener {
  send(response: string): void
  readonly enabled: ReadonlySet<string>
  /** NOTIFY without FlagChange: what the view finds changed is not told now. */
  readonly mutesFlags: boolean
}

export class Selection implements Selected, ViewEvents {
  readonly readOnly: boolean
  readonly searches = new Map<string, LiveSearch>()
  readonly guid: string
  readonly #client: Listener
  readonly #opener: Opener
  #awake: { readonly handle: MailboxHandle; readonly view: View } | undefined
  #packed: PackedView | undefined
  #waking: Promise<void> | undefined
  #closed = false
  #listener: (() => void) | undefined
  #unlisten: Cancel | undefined
  /** FETCH responses carry the UID: the client speaks in UIDs (RFC 3501 §6.4.8). */
  #withUid = false
  /** The client has been told everything up to this modseq … */
  #known: number
  /** … and has last heard of this one. */
  #heard: number
  /** Keywords that the client has been told of: the mailbox's first ones. */
  #keywordsTold = 0
  /** Flags changed after this modseq may not have been told; undefined: all have. */
  #mutedSince: number | undefined
  /** Why the mailbox is gone; the session ends. */
  goneBecause: string | undefined

  constructor(handle: MailboxHandle, readOnly: boolean, client: Listener, opener: Opener) {
    this.guid = handle.mailbox.guid
    this.#client = client
    this.#opener = opener
    this.readOnly = readOnly
    this.#awake = { handle, view: new View(handle.mailbox, { readOnly }) }
    this.view.hidesRecent = speaksRev2(client)
    this.#known = this.#heard = handle.mailbox.highestModseq
  }

  get mailbox(): Mailbox { return this.#mustBeAwake().handle.mailbox }
  get view(): View { return this.#mustBeAwake().view }

  /** `wake` comes before anything else. */
  get asleep(): boolean { return this.#awake === undefined && !this.#closed }

  /** Calls `listener` when there may be something to tell. */
  listen(listener: () => void): Cancel {
    this.#listener = listener
    this.#listenOn()
    return () => {
      this.#listener = undefined
      this.#unlisten?.()
      this.#unlisten = undefined
    }
  }

  /** Answers whether it sleeps: not with searches that go on. */
  sleep(): boolean {
    if (this.#awake === undefined || this.searches.size > 0) return this.asleep
    const packed = this.#awake.view.pack()
    if (packed === undefined) return false
    const { handle } = this.#awake
    this.#awake = undefined
    this.#packed = packed
    this.#listenOn()
    handle.rest()
    return true
  }

  /** Rejects as `Opener.open`. */
  wake(): Promise<void> {
    this.#waking ??= this.#wake().finally(() => { this.#waking = undefined })
    return this.#waking
  }

  async #wake(): Promise<void> {
    if (!this.asleep) return
    const handle = await this.#opener.open(this.guid)
    if (this.#closed) return handle.close()
    const view = new View(handle.mailbox, { readOnly: this.readOnly, packed: this.#packed! })
    view.hidesRecent = speaksRev2(this.#client)
    this.#packed = undefined
    this.#awake = { handle, view }
    this.#listenOn()
  }

  #listenOn(): void {
    this.#unlisten?.()
    const listener = this.#listener
    if (listener === undefined) this.#unlisten = undefined
    else this.#unlisten = this.#awake === undefined ? this.#opener.watch(this.guid, listener) : this.mailbox.updates.subscribe(listener)
  }

  #mustBeAwake(): { readonly handle: MailboxHandle; readonly view: View } {
    if (this.#awake === undefined) throw new Bug('the selected mailbox sleeps')
    return this.#awake
  }

  /** Tells what has happened since the last time. */
  sync(mode: SyncMode, withUid: boolean): void {
    this.syncQuietly(mode, withUid)
    // It is behind: where it went by the MODSEQ of FETCH responses, it would miss the expunges that cannot be told yet.
    if (this.#qresync && this.#heard !== this.#known) this.tellModseq()
  }

  /** Like `sync`, but for the modseq up to which the client then knows everything. */
  syncQuietly(mode: SyncMode, withUid: boolean): void {
    this.#withUid = withUid
    if (mode === 'all') for (const search of this.searches.values()) search.dropExpunged()
    this.view.sync(mode, this)
    for (const search of this.searches.values()) search.update()
    if (!this.view.behind) this.#known = this.mailbox.highestModseq
  }

  /** Settles when its searches have decided about what has been told; undefined: they have. */
  get deciding(): Promise<unknown> | undefined {
    const all = [...this.searches.values()].flatMap(({ deciding }) => deciding ?? [])
    return all.length === 0 ? undefined : Promise.all(all)
  }

  /** What is to be fetched for searches that go on. */
  takeDue(): Due[] { return [...this.searches.values()].flatMap((search) => search.takeDue() ?? []) }

  tellDecided(): void { for (const search of this.searches.values()) search.tellDecided() }

  /** Tells the modseq up to which the client knows everything. */
  tellModseq(): void { this.#client.send(`OK [HIGHESTMODSEQ ${this.takeModseq()}] Highest`) }

  /** Gives that modseq to be told otherwise. */
  takeModseq(): number { return this.#heard = this.#known }

  close(): void {
    this.#closed = true
    this.#unlisten?.()
    this.#awake?.view.close()
    this.#awake?.handle.close()
  }

  /** FLAGS and PERMANENTFLAGS. Keywords can be made freely (`\*`). */
  sendFlags(): void {
    const { keywords } = this.mailbox
    this.#keywordsTold = keywords.length
    this.#client.send(`FLAGS ${flagList(everySystemFlag, keywords)}`)
    if (this.readOnly) this.#client.send('OK [PERMANENTFLAGS ()] Read-only mailbox.')
    else this.#client.send(`OK [PERMANENTFLAGS ${flagList(everySystemFlag, [...keywords, '\\*'])}] Flags permitted.`)
  }

  keywords(): void {
    if (this.#keywordsTold < this.mailbox.keywords.length) this.sendFlags()
  }

  expunge(seq: number): void { this.#client.send(`${seq} EXPUNGE`) }
  exists(count: number): void { this.#client.send(`${count} EXISTS`) }
  recent(count: number): void {
    if (!speaksRev2(this.#client)) this.#client.send(`${count} RECENT`)
  }

  get vanished(): ((uids: readonly number[]) => void) | undefined {
    return this.#qresync || speaksUidsOnly(this.#client) ? (uids) => { this.#client.send(`VANISHED ${SequenceSet.of(uids).toString()}`) } : undefined
  }

  flags(seq: number, uid: number, row: number): void {
    if (this.#client.mutesFlags) this.#mutedSince = Math.min(this.#mutedSince ?? Infinity, this.mailbox.messages.modseqs[row]! - 1)
    else this.#tellFlags(seq, uid, row, this.#withUid)
  }

  /** Tells the flags that could not be told. */
  tellMutedFlags(): void {
    const since = this.#mutedSince
    if (since === undefined) return
    this.#mutedSince = undefined
    const { messages } = this.mailbox
    for (let seq = 1; seq <= this.view.count; seq++) {
      const row = this.view.rowOf(seq)
      if (row >= 0 && messages.modseqs[row]! > since) this.#tellFlags(seq, messages.uids[row]!, row, true)
    }
  }

  #tellFlags(seq: number, uid: number, row: number, withUid: boolean): void {
    this.keywords()
    this.#client.send(this.flagsOf(seq, uid, row, withUid))
  }

  flagsOf(seq: number, uid: number, row: number, withUid: boolean): string {
    const flags = flagsOf(this.mailbox, row, this.view.isRecent(uid))
    return this.#response(seq, uid, this.#client.enabled.has('CONDSTORE') ? `${this.#modseqOf(row)} ${flags}` : flags, withUid)
  }

  modseqOf(seq: number, uid: number, row: number, withUid: boolean): string {
    return this.#response(seq, uid, this.#modseqOf(row), withUid)
  }

  gone(reason: string): void { this.goneBecause = reason }

  get #qresync(): boolean { return this.#client.enabled.has('QRESYNC') }

  #response(seq: number, uid: number, items: string, withUid: boolean): string {
    if (speaksUidsOnly(this.#client)) return `${uid} UIDFETCH (${items})`
    return `${seq} FETCH (${withUid || this.#qresync || speaksRev2(this.#client) ? `UID ${uid} ` : ''}${items})`
  }

  #modseqOf(row: number): string {
    const modseq = this.mailbox.messages.modseqs[row]!
    this.#heard = Math.max(this.#heard, modseq)
    return `MODSEQ (${modseq})`
  }
}
