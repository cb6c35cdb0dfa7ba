// A session that has said NOTIFY: what happens is told when no command runs, and in IDLE (RFC 5465 §4 asks for the same there).
//
// - News come from the user actor as they happen, for mailboxes that are not loaded too, and wait (pending-news.ts); all that waits is
//   bounded (limits.notifyPending), beyond it NOTIFY is off and the client told (§5.8).
// - The selected mailbox: `selected` tells everything at once, `selected-delayed` no EXPUNGE outside of commands that let it be;
//   without either, the client's view stands still (§3.1: it can be used as a snapshot).
// - What this session has done itself is not told (§5); FETCH responses of new messages are written when nothing else is:
//   a command that comes meanwhile waits for `speaking`.

import type { Cancel } from '../../../../runtime/effects.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { News } from '../../../user/types.ts'
import type { ImapSession } from '../command.ts'
import { SequenceSet } from '../sequence-set.ts'
import type { SyncMode } from '../view.ts'
import type { Due } from '../unasked.ts'
import { nothing } from './arguments.ts'
import type { NotifyArguments, SelectedWish } from './arguments.ts'
import { PendingNews } from './pending-news.ts'

/** The session, as its notifier needs it. */
export interface Announcing extends ImapSession {
  /** A command runs that is not IDLE. */
  readonly occupied: boolean
  syncAs(mode: SyncMode): void
}

/** Commands whose doing in the selected mailbox is always told: their answer, and no event. */
const tellsOwn = new Set(['EXPUNGE', 'MOVE', 'REPLACE'])

export class Notifier {
  readonly wish: SelectedWish | undefined
  readonly #s: Announcing
  readonly #unwatch: Cancel
  /** Of other mailboxes. */
  readonly pending: PendingNews
  /** Something has happened in the selected mailbox. */
  #stirred = false
  /** Messages up to this UID have been fetched for the client, or are older; and those that it has put there itself. */
  #lastUid = 0
  readonly #own = new Set<number>()
  #soon: Cancel | undefined
  /** The client is, or the selected mailbox is being had again. */
  #slow = false
  /** Searches that go on decide about new messages. */
  #deciding = false
  #full = false
  #over = false

  constructor(args: NotifyArguments, s: Announcing) {
    this.#s = s
    this.wish = args.selected
    this.pending = new PendingNews(args.groups, s)
    this.#unwatch = s.user.watch((news) => { this.#hear(news) })
    this.selected()
  }

  /** What may be told of the selected mailbox to the running command; undefined: nothing. */
  allowed(mode: SyncMode): SyncMode | undefined {
    const { name } = this.#s.running
    if (this.wish?.messages === true || tellsOwn.has(name)) return mode
    return name === 'FETCH' ? 'flags' : undefined
  }

  /** Flags that others change are not told: a FETCH that has made messages \Seen tells that. */
  get mutesFlags(): boolean { return this.wish?.flags !== true && this.#s.running.name !== 'FETCH' }

  /** Another mailbox has been selected, or none is. */
  selected(): void {
    const view = this.#s.hasSelected ? this.#s.selected.view : undefined
    this.#lastUid = view === undefined || view.count === 0 ? 0 : view.uidAt(view.count)
    this.#own.clear()
    this.#stirred = false
  }

  /** A command has ended, or something has happened: what waits is told in a later turn. */
  wake(): void {
    if (this.#over || this.#slow || this.#s.speaking !== undefined) return
    if (this.pending.size > 0 || this.#stirred || this.#full || (this.#hasUnfetched && !this.#deciding)) this.#soon ??= this.#s.soon(() => { this.#tell() })
  }

  /** Nothing waits: the selected mailbox may sleep. */
  get silent(): boolean { return !this.#stirred && !this.#hasUnfetched && !this.#slow && this.#soon === undefined }

  /** FETCH responses have been written. Searches that go on may have found something meanwhile. */
  spoken(): void {
    this.#stirred = true
    this.wake()
  }

  close(): void {
    this.#over = true
    this.#unwatch()
    this.#soon?.()
  }

  // ---- Hearing ---------------------------------------------------------------------------------------------------

  #hear(news: News): void {
    const own = news.session === this.#s.world.seed.id
    if (this.#concernsSelected(news)) {
      if (own) this.#noteOwn(news)
      else this.#stirred ||= this.wish?.messages === true
    } else if (!own && !this.#full) {
      this.pending.keep(news)
      if (this.pending.size > limits.notifyPending) this.#overflow()
    }
    this.wake()
  }

  /** Of a deletion nobody says which mailbox it was: the selected one has a look. Where it stands still, nothing stirs it but that. */
  #concernsSelected(news: News): boolean {
    if (!this.#s.hasSelected) return false
    if (news.kind === 'messages') return news.guid === this.#s.selected.guid
    if (news.kind === 'deleted') this.#stirred ||= this.#s.user.nameOf(this.#s.selected.guid) === undefined
    return false
  }

  #noteOwn(news: News): void {
    if (news.kind !== 'messages' || !news.appended || this.wish?.messages !== true || this.wish.fetch.length === 0) return
    const { updates } = this.#s.selected.mailbox
    const update = updates.at(updates.end - 1)
    if (update.kind === 'append') for (let i = update.after.count - update.count; i < update.after.count; i++) this.#own.add(update.after.uids[i]!)
  }

  /** The client is too slow for what happens. */
  #overflow(): void {
    this.#full = true
    this.#unwatch()
    this.pending.clear()
  }

  // ---- Telling ---------------------------------------------------------------------------------------------------

  #tell(): void {
    this.#soon = undefined
    const s = this.#s
    // A command tells what it may, and wakes us at its end.
    if (this.#over || s.speaking !== undefined || s.occupied) return
    if (this.#isSlow()) return
    if (this.#full) {
      s.send('OK [NOTIFICATIONOVERFLOW] Too many events, NOTIFY is off.')
      s.notify(nothing)
      return
    }
    if (this.#stirred && s.asleep) {
      this.#slow = true
      // Where the mailbox cannot be had again, the session ends.
      s.wake().then(() => { this.#slow = false; this.wake() }, () => {})
      return
    }
    if (this.#stirred) this.#tellSelected()
    this.pending.tell()
    this.#tellNew()
    if (!this.#isSlow()) this.wake()
  }

  #tellSelected(): void {
    this.#stirred = false
    const idles = this.#s.running.name === 'IDLE'
    this.#s.syncAs(this.wish?.immediate === true || idles ? 'all' : 'no-expunge')
  }

  /** Of new messages; when searches that go on have decided about them, so that each is told of once. */
  #tellNew(): void {
    const deciding = this.#hasUnfetched ? this.#s.selected.deciding : undefined
    if (deciding === undefined) this.#s.speak(this.newMessages())
    else if (!this.#deciding) {
      this.#deciding = true
      void deciding.then(() => { this.#deciding = false; this.wake() })
    }
  }

  /** The client has not taken what was written: goes on when it has. */
  #isSlow(): boolean {
    const slow = this.#s.flush()
    if (slow === undefined || this.#slow) return this.#slow
    this.#slow = true
    // Where the client is gone, the session hears of it by itself.
    slow.then(() => { this.#slow = false; this.wake() }, () => {})
    return true
  }

  get #hasUnfetched(): boolean {
    if (this.wish === undefined || this.wish.fetch.length === 0 || !this.#s.hasSelected || this.#s.asleep) return false
    const { view } = this.#s.selected
    return view.count > 0 && view.uidAt(view.count) > this.#lastUid
  }

  /** What the client wants to know of each new message (RFC 5465 §5.2), those of its own making left out. */
  newMessages(): Due[] {
    if (!this.#hasUnfetched) return []
    const { view } = this.#s.selected
    const last = view.uidAt(view.count)
    const uids = view.resolve(new SequenceSet([{ first: this.#lastUid + 1, last }]), true).filter((uid) => !this.#own.has(uid))
    this.#lastUid = last
    this.#own.clear()
    return uids.length > 0 ? [{ uids, fetch: this.wish!.fetch }] : []
  }
}
