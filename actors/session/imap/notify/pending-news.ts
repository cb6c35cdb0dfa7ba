// What a client that has said NOTIFY is to hear of mailboxes that it has not selected, until it can be told: responses about names in
// their order, and the figures of a mailbox once, however often it changes (RFC 5465 §5).
// Nothing is kept of a mailbox whose rights do not let the client know (§5.9).

import type { MailboxInfo, MailboxStatus, News } from '../../../user/types.ts'
import type { ImapSession } from '../command.ts'
import { namespaceOf } from '../list-response.ts'
import { meaningOf } from '../mailbox-filter.ts'
import { has, rightsBy } from '../rights.ts'
import { Event, messageEvents } from './arguments.ts'
import type { NotifyArguments } from './arguments.ts'
import { annotated, figures, listed } from './responses.ts'

interface Waiting { events: number; status: MailboxStatus }

export class PendingNews {
  readonly #s: ImapSession
  readonly #groups: readonly { readonly events: number; means(info: MailboxInfo): boolean }[]
  /** Responses about names, in order. */
  readonly #lines: string[] = []
  /** Figures by the GUID of their mailbox. */
  readonly #figures = new Map<string, Waiting>()
  /** Mailboxes that the client has been told it may not look into. */
  readonly #noAccess = new Set<string>()

  constructor(groups: NotifyArguments['groups'], s: ImapSession) {
    this.#s = s
    this.#groups = groups.map(({ filter, events }) => ({ events, means: meaningOf(filter, s) }))
  }

  /** Responses that wait. */
  get size(): number { return this.#lines.length + this.#figures.size }

  clear(): void {
    this.#lines.length = 0
    this.#figures.clear()
  }

  /** Writes all of it. */
  tell(): void {
    const s = this.#s
    for (const line of this.#lines.splice(0)) s.send(line)
    for (const [guid, { events, status }] of this.#figures) {
      const name = s.user.nameOf(guid)
      // Selected meanwhile, its figures are old news.
      if (name !== undefined && !(s.hasSelected && s.selected.guid === guid)) s.send(figures(name, events, status, s))
    }
    this.#figures.clear()
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

  /** Keeps what the client wants to hear of it. */
  keep(news: News): void {
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
}
