// A session that has said NOTIFY: what happens is told when no command runs, and in IDLE (RFC 5465 §4 asks for the same there).
//
// - News come from the user actor as they happen, for mailboxes that are not loaded too. The figures of a mailbox wait once,
//   however often it changes; all that waits is bounded (limits.notifyPending), beyond it NOTIFY is off and the client told (§5.8).
// - The selected mailbox: `selected` tells everything at once, `selected-delayed` no EXPUNGE outside of commands that let it be;
//   without either, the client's view stands still (§3.1: it can be used as a snapshot).
// - What this session has done itself is not told (§5); FETCH responses of new messages are written when nothing else is:
//   a command that comes meanwhile waits for `speaking`.

import type { Cancel } from '../../../../runtime/effects.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { MailboxInfo, MailboxStatus, News } from '../../../user/types.ts'
import type { ImapSession } from '../command.ts'
import { namespaceOf } from '../list-response.ts'
import { meaningOf } from '../mailbox-filter.ts'
import { has, rightsBy } from '../rights.ts'
import { SequenceSet } from '../sequence-set.ts'
import type { SyncMode } from '../view.ts'
import type { Due } from '../unasked.ts'
import { Event, messageEvents, nothing } from './arguments.ts'
import type { NotifyArguments, SelectedWish } from './arguments.ts'
import { annotated, figures, listed } from './responses.ts'

/** The session, as its notifier needs it. */
export interface Announcing extends ImapSession {
  /** A command runs that is not IDLE. */
  readonly occupied: boolean
  syncAs(mode: SyncMode): void
}

interface Waiting { events: number; status: MailboxStatus }

/** Commands whose doing in the selected mailbox is always told: their answer, and no event. */
const tellsOwn = new Set(['EXPUNGE', 'MOVE', 'REPLACE'])

export class Notifier {
  readonly wish: SelectedWish | undefined
  readonly #s: Announcing
  readonly #groups: readonly { readonly events: number; means(info: MailboxInfo): boolean }[]
  readonly #unwatch: Cancel
  /** Responses about names, in order. */
  readonly #lines: string[] = []
  /** Figures by the GUID of their mailbox. */
  readonly #figures = new Map<string, Waiting>()
  /** Mailboxes that the client has been told it may not look into. */
  readonly #noAccess = new Set<string>()
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
    this.#groups = args.groups.map(({ filter, events }) => ({ events, means: meaningOf(filter, s) }))
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

  /** The events that are to be told of a mailbox. */
  eventsOf(info: MailboxInfo): number {
    let events = 0
    for (const group of this.#groups) if ((group.events & ~events) !== 0 && group.means(info)) events |= group.events
    return events
  }

  /** LIST with \NoAccess: the client is to hear of messages that it may not see (RFC 5465 §3.1). */
  refused(name: string): string | undefined {
    if (this.#noAccess.has(name) || has('r', name, this.#s) || !has('l', name, this.#s)) return undefined
    this.#noAccess.add(name)
    return listed(name, this.#s, { noAccess: true })
  }

  /** A command has ended, or something has happened: what waits is told in a later turn. */
  wake(): void {
    if (this.#over || this.#slow || this.#s.speaking !== undefined) return
    if (this.#lines.length > 0 || this.#figures.size > 0 || this.#stirred || this.#full || (this.#hasUnfetched && !this.#deciding)) this.#soon ??= this.#s.soon(() => { this.#tell() })
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
      this.#keep(news)
      if (this.#lines.length + this.#figures.size > limits.notifyPending) this.#overflow()
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

  #keep(news: News): void {
    switch (news.kind) {
      case 'messages': this.#keepFigures(news); return
      case 'metadata': {
        const wanted = news.name === '' ? this.#anyWants(Event.ServerMetadataChange) : this.#wants(news.name, Event.MailboxMetadataChange) && has('lr', news.name, this.#s)
        if (wanted) this.#lines.push(annotated(news.name, news.entries, this.#s))
        return
      }
      case 'subscription': if (this.#wants(news.name, Event.SubscriptionChange)) this.#keepListed(news.name); return
      case 'created': case 'deleted': this.#keepAffected(news.name); return
      case 'renamed': this.#keepRenamed(news); return
      case 'acl':
        if (!this.#keepAccess(news.name)) this.#keepSight(news.name, rightsBy(news.before, this.#s).includes('l'))
        return
    }
  }

  /** A name that has come or gone, and its parent, mailbox or not (RFC 5465 §5.4). */
  #keepAffected(name: string): void {
    if (this.#wants(name, Event.MailboxName)) this.#keepListed(name)
    const separator = namespaceOf(name, this.#s.user.namespaces())?.separator ?? '/'
    const parent = name.slice(0, Math.max(0, name.lastIndexOf(separator)))
    if (parent !== '' && this.#wants(parent, Event.MailboxName)) this.#keepListed(parent)
  }

  /** What is below goes along with it; who watches that alone hears of it there. */
  #keepRenamed({ name, from, below }: News & { kind: 'renamed' }): void {
    if (this.#wants(name, Event.MailboxName)) return this.#keepListed(name, from)
    if (from !== 'INBOX' && this.#wants(from, Event.MailboxName)) return this.#keepListed(from)
    for (const one of below) this.#keepRenamed({ kind: 'renamed', session: undefined, ...one, below: [] })
  }

  /** To get or lose `l` is to see a mailbox come or go (RFC 5465 §5.4). */
  #keepSight(name: string, saw: boolean): void {
    const sees = has('l', name, this.#s)
    if (sees === saw || !this.#wants(name, Event.MailboxName)) return
    if (sees) this.#keepListed(name)
    else this.#lines.push(listed(name, this.#s, { hidden: true }))
  }

  #keepListed(name: string, from?: string): void {
    if (has('l', name, this.#s)) this.#lines.push(listed(name, this.#s, from === undefined ? {} : { from }))
  }

  #keepFigures({ guid, appended, expunged, flags, unseen, status }: News & { kind: 'messages' }): void {
    const name = this.#s.user.nameOf(guid)
    if (name === undefined) return
    let happened = (appended ? Event.MessageNew : 0) | (expunged ? Event.MessageExpunge : 0)
    // Flags other than \Seen show in HIGHESTMODSEQ alone.
    if (flags && (unseen || this.#s.enabled.has('CONDSTORE'))) happened |= Event.FlagChange
    const events = happened & this.#eventsOfName(name)
    if (events === 0 || !has('lr', name, this.#s)) return
    const known = this.#figures.get(guid)
    if (known === undefined) this.#figures.set(guid, { events, status })
    else Object.assign(known, { events: known.events | events, status })
  }

  /**
   * Rights have changed (RFC 5465 §5.9). What may not be seen any more is not told: that is asked with every event. Answers whether
   * there is something to tell.
   */
  #keepAccess(name: string): boolean {
    if ((this.#eventsOfName(name) & messageEvents) === 0) return false
    const refused = this.refused(name)
    if (refused !== undefined) this.#lines.push(refused)
    else if (has('lr', name, this.#s) && this.#noAccess.delete(name)) this.#keepListed(name)
    else return false
    return true
  }

  #anyWants(event: number): boolean { return this.#groups.some(({ events }) => (events & event) !== 0) }

  #wants(name: string, event: number): boolean { return this.#anyWants(event) && (this.#eventsOfName(name) & event) !== 0 }

  #eventsOfName(name: string): number { return this.eventsOf(this.#s.user.find(name) ?? this.#absent(name)) }

  /** What filters need to know of a name without a mailbox. */
  #absent(name: string): MailboxInfo {
    const separator = namespaceOf(name, this.#s.user.namespaces())?.separator ?? '/'
    return { name, separator, noSelect: true, hasChildren: false, subscribed: this.#s.user.subscriptions().includes(name), specialUse: [] }
  }

  /** The client is too slow for what happens. */
  #overflow(): void {
    this.#full = true
    this.#unwatch()
    this.#lines.length = 0
    this.#figures.clear()
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
    for (const line of this.#lines.splice(0)) s.send(line)
    for (const [guid, { events, status }] of this.#figures) {
      const name = s.user.nameOf(guid)
      // Selected meanwhile, its figures are old news.
      if (name !== undefined && !(s.hasSelected && s.selected.guid === guid)) s.send(figures(name, events, status, s))
    }
    this.#figures.clear()
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
