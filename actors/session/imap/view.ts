// One session's sequence numbers over a mailbox that others change meanwhile (RFC 3501 §2.3.1.2, §5.2, §7.4).
//
// A view is an immutable list of UIDs (sequence number n is list.uids[n-1]) and two positions in the mailbox's update log:
// up to `#structure` appends and expunges are in the list, up to `#seen` flag changes have been told. Rules:
// - The list changes in `sync` only, so numbers hold still while a command runs, whatever other sessions do.
// - `sync('no-expunge')` (after FETCH, STORE, SEARCH: RFC 3501 §7.4.1) applies structure only up to the first expunge;
//   flag changes of messages in the list go on being told.
// - The client's count grows by EXISTS alone and sinks by EXPUNGE alone.
// - A view further behind than the log reaches compares whole lists, and finds changed flags by modseq.

import type { Mailbox, Update, UidList } from '../../user/types.ts'
import { limits } from '../../../runtime/limits.ts'
import { countBelow, positionOf } from './uid-list.ts'

/** How a view tells what has changed, in the order the client must hear it. */
export interface ViewEvents {
  /** `seq` as of now: every expunge told shifts the later ones. */
  expunge(seq: number): void
  exists(count: number): void
  /** How many messages are \Recent for this session. Told along with `exists`. */
  recent(count: number): void
  /** Flags of a message have changed; `row` is its row in the mailbox now. At most once a message and sync. */
  flags(seq: number, uid: number, row: number): void
  /** The mailbox has new keywords: FLAGS and PERMANENTFLAGS are due. Told before the flags that use them. */
  keywords(): void
  /** The mailbox is gone; the view tells nothing more. */
  gone(reason: string): void
}

/** Ranges in any order, ends in either order; 0xffffffff stands for `*`. RFC 3501 §9 sequence-set. */
export type NumberRanges = readonly (readonly [number, number])[]

/** `*` in a sequence set: above every valid UID and sequence number. */
export const STAR = 0xffffffff

export type SyncMode = 'all' | 'no-expunge'

/** What a view looks at. `close` it when the mailbox is unselected. */
export class View {
  readonly mailbox: Mailbox
  readonly readOnly: boolean
  #list: UidList
  /** Update position up to which appends and expunges are in #list; up to which flags have been told. */
  #structure: number
  #seen: number
  /** The next structural update is an expunge that only sync('all') may apply. */
  #held = false
  /** Modseq up to which flags have been told: finds changes that have left the log. */
  #modseq: number
  /** UIDs that are \Recent here: [from, to) ranges, ascending. */
  readonly #recent: [number, number][] = []
  #closed = false

  constructor(mailbox: Mailbox, options: { readOnly: boolean }) {
    this.mailbox = mailbox
    this.readOnly = options.readOnly
    this.#list = mailbox.messages.uidList()
    this.#structure = this.#seen = mailbox.updates.end
    this.#modseq = mailbox.highestModseq
    this.#claimRecent()
  }

  /** Messages in the view; sequence numbers are 1 … count. */
  get count(): number { return this.#list.count }

  /** UID of a sequence number in 1 … count. */
  uidAt(seq: number): number { return this.#list.uids[seq - 1]! }

  /** Sequence number of a UID, 0 if the view does not have it. */
  seqOf(uid: number): number { return positionOf(this.#list, uid) + 1 }

  /** Row of a message in the mailbox's columns now, -1 if it has been expunged. Mostly O(1). */
  rowOf(seq: number): number {
    const { messages } = this.mailbox
    const uid = this.uidAt(seq)
    // As long as nothing before it was expunged behind the view's back, the row is where the view has it.
    return seq <= messages.count && messages.uids[seq - 1] === uid ? seq - 1 : messages.rowOf(uid)
  }

  isRecent(uid: number): boolean {
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
   * The sequence numbers a set means, as ascending ranges that neither touch nor overlap. In UID mode numbers without a
   * message are left out, and `*` (so `n:*` for any n) takes in the last message (RFC 3501 §6.4.8). In sequence mode
   * undefined: the set names a number the client has not been told of, which is BAD (RFC 3501 §7.4.1; as Dovecot).
   */
  ranges(set: NumberRanges, uidMode: boolean): [number, number][] | undefined {
    const ranges: [number, number][] = []
    for (const [one, other] of set) {
      if (uidMode) {
        const range = this.#uidRange(one, other)
        if (range[0] <= range[1]) ranges.push(range)
        continue
      }
      const first = one === STAR ? this.count : one
      const last = other === STAR ? this.count : other
      if (first < 1 || last < 1 || first > this.count || last > this.count) return undefined
      ranges.push(first <= last ? [first, last] : [last, first])
    }
    return joined(ranges)
  }

  /** The messages a set means, as ascending UIDs; undefined as for `ranges`. */
  resolve(set: NumberRanges, uidMode: boolean): number[] | undefined {
    const ranges = this.ranges(set, uidMode)
    if (!ranges) return undefined
    const uids: number[] = []
    for (const [first, last] of ranges) for (let seq = first; seq <= last; seq++) uids.push(this.uidAt(seq))
    return uids
  }

  /** Whether a sync in this mode would tell anything (cheap; may say true for what turns out to be nothing). */
  stale(mode: SyncMode): boolean {
    const { end } = this.mailbox.updates
    return !this.#closed && (this.#seen < end || (this.#structure < end && !(this.#held && mode === 'no-expunge')))
  }

  /**
   * Takes in what has happened since and tells it. `own`, where given, is the `by` of changes this session made silently
   * (STORE .SILENT): they are not told back. Default: the view itself.
   */
  sync(mode: SyncMode, events: ViewEvents, own: object = this): void {
    if (!this.stale(mode)) return
    const told = this.count
    const knownUid = told > 0 ? this.uidAt(told) : 0
    const changed = this.#takeFlags(own, events)
    if (this.#closed) return
    this.#takeStructure(mode, events)
    if (changed === undefined) this.#tellByModseq(knownUid, events)
    else this.#tellFlags(changed, knownUid, events)
    this.#modseq = this.mailbox.highestModseq
  }

  /** Ends it: later syncs tell nothing. */
  close(): void { this.#closed = true }

  #uidRange(one: number, other: number): [number, number] {
    const last = this.count
    const lastUid = last > 0 ? this.uidAt(last) : 0
    const from = Math.min(one === STAR ? lastUid : one, other === STAR ? lastUid : other)
    const to = Math.max(one === STAR ? lastUid : one, other === STAR ? lastUid : other)
    return [countBelow(this.#list, from) + 1, countBelow(this.#list, to + 1)]
  }

  #claimRecent(): void {
    const from = this.mailbox.claimRecent(this.readOnly)
    const to = this.mailbox.uidNext
    const latest = this.#recent[this.#recent.length - 1]
    if (latest && from <= latest[1]) latest[1] = Math.max(latest[1], to)
    else if (from < to) this.#recent.push([from, to])
    // A session of weeks beside another one that takes turns claiming: its oldest mails are recent no more.
    if (this.#recent.length > limits.recentRanges) this.#recent.shift()
  }

  /** UIDs whose flags others have changed, or undefined if the log no longer tells. Tells `keywords` and `gone`. */
  #takeFlags(own: object, events: ViewEvents): Set<number> | undefined {
    const { updates } = this.mailbox
    const lost = this.#seen < updates.start
    let keywords = lost
    let changed: Set<number> | undefined
    for (let at = Math.max(this.#seen, updates.start); at < updates.end; at++) {
      const update = updates.at(at)
      if (update.kind === 'gone') {
        this.#closed = true
        events.gone(update.reason)
        return undefined
      }
      if (update.kind === 'keywords') keywords = true
      if (update.kind !== 'flags' || lost || update.by === own) continue
      changed ??= new Set()
      for (const uid of update.uids) changed.add(uid)
    }
    this.#seen = updates.end
    if (keywords) events.keywords()
    return lost ? undefined : changed ?? nothing
  }

  #takeStructure(mode: SyncMode, events: ViewEvents): void {
    if (this.#held && mode === 'no-expunge') return
    this.#held = false
    const { updates } = this.mailbox
    let told = this.count
    let grown = false
    if (this.#structure < updates.start) {
      this.#compare(mode, events)
      if (this.#held) return
      grown = this.count > told
      told = this.count
    }
    while (this.#structure < updates.end && !this.#held) {
      const update = updates.at(this.#structure)
      if (update.kind === 'expunge') {
        if (mode === 'no-expunge') { this.#held = true; break }
        // What arrived and went within one sync must have been counted in before it can be counted out.
        if (this.count !== told) events.exists(this.count)
        this.#tellExpunges(update.uids, events)
        told = (this.#list = update.after).count
      } else if (update.kind === 'append') {
        this.#list = update.after
        grown = true
      }
      this.#structure++
    }
    if (grown) this.#tellGrowth(this.count, told, events)
  }
}
