// One session's sequence numbers over a mailbox that others change meanwhile (RFC 3501 §2.3.1.2, §5.2, §7.4).
//
// A view is an immutable list of UIDs (sequence number n is list.uids[n-1]) and two positions in the mailbox's update log:
// appends and expunges up to `#structure` are in the list, flag changes up to `#flags` have been told. Rules:
// - The list changes in `sync` only, so numbers hold still while a command runs, whatever other sessions do.
// - `sync('no-expunge')` (after FETCH, STORE, SEARCH: RFC 3501 §7.4.1) takes in structure only up to the first expunge;
//   flag changes of messages in the list go on being told. `sync('flags')` takes in no structure at all.
// - The client's count grows by EXISTS alone and sinks by EXPUNGE alone.
// - A view further behind than the log reaches compares whole lists, and finds changed flags by their modseqs. So does one that was put
//   away: the mailbox may have been closed meanwhile, and its log begun anew.

import type { Mailbox, UidList } from '../../user/types.ts'
import { limits } from '../../../runtime/limits.ts'
import { Bad } from './result.ts'
import { SequenceSet } from './sequence-set.ts'
import type { NumberRange } from './sequence-set.ts'
import { packUids, unpackUids } from './packed-uids.ts'
import { countBelow, missingFrom, positionNear, positionOf } from './uid-list.ts'

/** How a view tells what has changed, in the order the client must hear it. */
export interface ViewEvents {
  /** `seq` as of now: every expunge told shifts the later ones. */
  expunge(seq: number): void
  /** Instead of `expunge`, where it is there: all that have gone at once, ascending UIDs (VANISHED). */
  readonly vanished?: ((uids: readonly number[]) => void) | undefined
  exists(count: number): void
  /** How many messages are \Recent for this session. Told along with the last `exists`. */
  recent(count: number): void
  /** Flags of a message have changed; `row` is its row in the mailbox now. At most once a message and sync. */
  flags(seq: number, uid: number, row: number): void
  /** The mailbox may have new keywords: FLAGS and PERMANENTFLAGS are due. Told before the flags that use them. */
  keywords(): void
  /** The mailbox is gone; the view tells nothing more. */
  gone(reason: string): void
}

/** What may be told: all, all but EXPUNGE, or only what changes no numbers. */
export type SyncMode = 'all' | 'no-expunge' | 'flags'

/** A view put away, until something happens or the client speaks. */
export interface PackedView {
  readonly count: number
  readonly uids: Uint8Array
  readonly saved: Uint8Array
  readonly savedCount: number
  readonly recent: [number, number][]
  readonly modseq: number
}

const nothing: ReadonlySet<number> = new Set()
const noUids = new Uint32Array()

/** A mailbox as one session sees it. */
export class View {
  readonly mailbox: Mailbox
  readonly readOnly: boolean
  /** UIDs of `$`, ascending; those expunged since may be among them. RFC 5182. */
  saved: Uint32Array = noUids
  #list: UidList
  /** The client's idea of how many messages there are; differs from the list's only within `sync`. */
  #told: number
  /** Update positions: of the list, and of the flags told. */
  #structure: number
  #flags: number
  /** The next change of structure is an expunge, which only sync('all') may tell. */
  #held = false
  /** Modseq up to which flags have been told: finds changes that have left the log. */
  #modseq: number
  /** UIDs that are \Recent here, as [from, to), ascending. */
  #recent: [number, number][] = []
  #closed = false
  /** To a client that speaks IMAP4rev2 nothing is \Recent (RFC 9051 appendix E), though it claims what nobody has seen. */
  hidesRecent = false

  /** `packed`: it goes on from there; what has happened since is told by the next sync. */
  constructor(mailbox: Mailbox, options: { readOnly: boolean; packed?: PackedView }) {
    this.mailbox = mailbox
    this.readOnly = options.readOnly
    if (options.packed !== undefined) {
      const { uids, count, saved, savedCount, recent, modseq } = options.packed
      this.#list = unpackUids(uids, count)
      this.saved = unpackUids(saved, savedCount).uids
      this.#told = count
      this.#structure = this.#flags = -1
      this.#modseq = modseq
      this.#recent = recent
      return
    }
    this.#list = mailbox.messages.uidList()
    this.#told = this.#list.count
    this.#structure = this.#flags = mailbox.updates.end
    this.#modseq = mailbox.highestModseq
    this.#claimRecent()
  }

  /** Puts it away, as what the client knows; undefined: it is over. */
  pack(): PackedView | undefined {
    if (this.#closed) return undefined
    const saved = { uids: this.saved, count: this.saved.length }
    return { count: this.count, uids: packUids(this.#list), saved: packUids(saved), savedCount: saved.count, recent: this.#recent, modseq: this.#modseq }
  }

  /** Messages in the view; sequence numbers are 1 … count. */
  get count(): number { return this.#list.count }

  /** The messages of the view, sequence number n at uids[n-1]; later syncs do not touch this value. */
  get list(): UidList { return this.#list }

  /** UID of a sequence number in 1 … count. */
  uidAt(seq: number): number { return this.#list.uids[seq - 1]! }

  /** Sequence number of a UID, 0 if the view does not have it. */
  seqOf(uid: number): number { return positionOf(this.#list, uid) + 1 }

  /** The same for one who goes through many: O(1) if it is `near`. */
  seqNear(uid: number, near: number): number { return positionNear(this.#list, uid, near - 1) + 1 }

  /** Row of a message in the mailbox's columns now, -1 if it has been expunged meanwhile. Mostly O(1). */
  rowOf(seq: number): number {
    const { messages } = this.mailbox
    const uid = this.uidAt(seq)
    // As long as nothing before it was expunged behind the view's back, the row is where the view has it.
    return seq <= messages.count && messages.uids[seq - 1] === uid ? seq - 1 : messages.rowOf(uid)
  }

  /** There is structure that could not be told yet: what the client knows is older than what it heard last. */
  get behind(): boolean { return this.#structure < this.#flags }

  isRecent(uid: number): boolean {
    if (this.hidesRecent) return false
    for (let i = this.#recent.length - 1; i >= 0; i--) {
      const [from, to] = this.#recent[i]!
      if (uid >= from) return uid < to
    }
    return false
  }

  get recentCount(): number {
    let count = 0
    for (const [from, to] of this.#recent) count += countBelow(this.#list, to) - countBelow(this.#list, from)
    return count
  }

  /**
   * The sequence numbers a set means, in ascending ranges. UID mode: numbers without a message are left out, and `n:*` for
   * any n takes in the last message (RFC 3501 §6.4.8). Sequence mode: a number the client was never told of is Bad, as in
   * Dovecot (RFC 3501 §9 seq-number), and so is every set while the mailbox is empty.
   */
  ranges(set: SequenceSet, uidMode: boolean): readonly NumberRange[] {
    const { count } = this
    if (set.saved) return this.#savedRanges()
    if (!uidMode) {
      const ranges = set.resolve(count)
      if (ranges.some(({ first, last }) => first < 1 || last > count)) throw new Bad('Invalid messageset')
      return ranges
    }
    const found: NumberRange[] = []
    for (const range of set.resolve(count > 0 ? this.uidAt(count) : 0)) {
      const first = countBelow(this.#list, range.first) + 1
      const last = countBelow(this.#list, range.last + 1)
      if (first <= last) found.push({ first, last })
    }
    return found
  }

  #savedRanges(): readonly NumberRange[] {
    return SequenceSet.of(Array.from(this.saved, (uid) => this.seqOf(uid)).filter((seq) => seq > 0)).ranges
  }

  /** The messages a set means (see `ranges`), as ascending UIDs. */
  resolve(set: SequenceSet, uidMode: boolean): number[] {
    const uids: number[] = []
    for (const { first, last } of this.ranges(set, uidMode)) for (let seq = first; seq <= last; seq++) uids.push(this.uidAt(seq))
    return uids
  }

  /**
   * Takes in what has happened since the last sync, and tells it. Changes whose `by` is `own` (the view itself unless given)
   * were made by this session silently and are not told back.
   */
  sync(mode: SyncMode, events: ViewEvents, own: object = this): void {
    const { end } = this.mailbox.updates
    const still = this.#structure === end || mode === 'flags' || (this.#held && mode === 'no-expunge')
    if (this.#closed || (this.#flags === end && still)) return
    // Flags of messages that the client hears of only now are not news: it knows none of theirs.
    const known = this.#told > 0 ? this.uidAt(this.#told) : 0
    const changed = this.#takeFlags(events, own)
    if (this.#closed) return
    if (mode === 'all') this.#held = false
    if (!this.#held && mode !== 'flags') this.#takeStructure(mode, events)
    if (changed) this.#tellFlags(changed, known, events)
    else this.#tellFlagsSince(this.#modseq, known, events)
    this.#modseq = this.mailbox.highestModseq
  }

  /** Ends it: later syncs tell nothing. */
  close(): void { this.#closed = true }

  #claimRecent(): void {
    const from = this.mailbox.claimRecent(this.readOnly)
    const { uids, count } = this.mailbox.messages
    const to = count > 0 ? uids[count - 1]! + 1 : 0
    const latest = this.#recent.at(-1)
    if (latest && from <= latest[1]) latest[1] = Math.max(latest[1], to)
    else if (from < to) this.#recent.push([from, to])
    // Beside another session that takes turns claiming, a session of weeks would gather ranges: its oldest lose \Recent.
    if (this.#recent.length > limits.recentRanges) this.#recent.shift()
  }

  /** UIDs whose flags others have changed; undefined if the log does not reach back far enough to say. */
  #takeFlags(events: ViewEvents, own: object): ReadonlySet<number> | undefined {
    const { updates } = this.mailbox
    const lost = this.#flags < updates.start
    let keywords = lost
    let changed: Set<number> | undefined
    for (let at = Math.max(this.#flags, updates.start); at < updates.end; at++) {
      const update = updates.at(at)
      if (update.kind === 'gone') {
        this.#closed = true
        events.gone(update.reason)
        return nothing
      }
      if (update.kind === 'keywords') keywords = true
      if (update.kind !== 'flags' || lost || update.by === own) continue
      changed ??= new Set()
      for (const uid of update.uids) changed.add(uid)
    }
    this.#flags = updates.end
    if (keywords) events.keywords()
    return lost ? undefined : changed ?? nothing
  }

  #takeStructure(mode: SyncMode, events: ViewEvents): void {
    const { updates } = this.mailbox
    let grown = false
    if (this.#structure < updates.start) grown = this.#compare(mode, events)
    while (this.#structure < updates.end && !this.#held) {
      const update = updates.at(this.#structure)
      if (update.kind === 'expunge') {
        const known = this.#knownOf(update.uids)
        if (known.length > 0 && mode === 'no-expunge') { this.#held = true; break }
        this.#tellExpunged(known, update.after, events)
      } else if (update.kind === 'append') {
        this.#list = update.after
        grown = true
      }
      this.#structure++
    }
    if (!grown) return
    this.#claimRecent()
    if (this.#told === this.count) return
    events.exists(this.#told = this.count)
    events.recent(this.recentCount)
  }

  /** The log no longer reaches back to the list: takes the mailbox's current one, unless that would tell an expunge now. */
  #compare(mode: SyncMode, events: ViewEvents): boolean {
    const now = this.mailbox.messages.uidList()
    const gone = missingFrom(this.#list, now)
    if (gone.length > 0 && mode === 'no-expunge') {
      this.#held = true
      return false
    }
    this.#tellExpunged(gone, now, events)
    this.#structure = this.mailbox.updates.end
    return this.#told < now.count
  }

  /** Those of `uids`, ascending, that the client has been told of: what comes and goes between two syncs is no news. */
  #knownOf(uids: readonly number[]): readonly number[] {
    const last = this.#told > 0 ? this.uidAt(this.#told) : 0
    return (uids.at(-1) ?? 0) <= last ? uids : uids.filter((uid) => uid <= last)
  }

  /** From the last to the first, so that no number told shifts another one to be told. */
  #tellExpunged(uids: readonly number[], after: UidList, events: ViewEvents): void {
    if (events.vanished !== undefined && uids.length > 0) events.vanished(uids)
    else for (let i = uids.length - 1; i >= 0; i--) events.expunge(this.seqOf(uids[i]!))
    this.#told -= uids.length
    this.#list = after
  }

  #tellFlags(uids: ReadonlySet<number>, known: number, events: ViewEvents): void {
    if (uids.size === 0) return
    let seq = 0
    for (const uid of Uint32Array.from(uids).sort()) {
      if (uid > known) break
      seq = this.seqNear(uid, seq + 1)
      if (seq > 0) this.#tellFlag(seq, events)
    }
  }

  #tellFlagsSince(modseq: number, known: number, events: ViewEvents): void {
    for (let seq = 1; seq <= this.count && this.uidAt(seq) <= known; seq++) {
      const row = this.rowOf(seq)
      if (row >= 0 && this.mailbox.messages.modseqs[row]! > modseq) this.#tellFlag(seq, events)
    }
  }

  #tellFlag(seq: number, events: ViewEvents): void {
    const row = this.rowOf(seq)
    if (row >= 0) events.flags(seq, this.uidAt(seq), row)
  }
}
