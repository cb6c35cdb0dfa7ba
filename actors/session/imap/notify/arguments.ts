// The arguments of NOTIFY. RFC 5465 §8: `notify = "NOTIFY" SP ("SET" [SP "STATUS"] 1*(SP event-group) / "NONE")`,
// `event-group = "(" filter-mailboxes SP ("(" event *(SP event) ")" / "NONE") ")"`.
//
// MessageNew and MessageExpunge come together, FlagChange with both of them (§5); for the selected mailbox there is nothing else (§6.1).

import type { Wanted } from '../fetch/attributes.ts'
import { parseAttributes } from '../fetch/attributes.ts'
import type { Parser } from '../grammar.ts'
import { mailboxFilter } from '../mailbox-filter.ts'
import type { MailboxFilter } from '../mailbox-filter.ts'
import { Bad } from '../result.ts'

/** Event types as bits. AnnotationChange is none of them: there are no message annotations. */
export const Event = {
  MessageNew: 1, MessageExpunge: 2, FlagChange: 4, MailboxName: 8, SubscriptionChange: 16, MailboxMetadataChange: 32, ServerMetadataChange: 64,
} as const

export type EventName = keyof typeof Event

export const messageEvents = Event.MessageNew | Event.MessageExpunge | Event.FlagChange
export const metadataEvents = Event.MailboxMetadataChange | Event.ServerMetadataChange

/** What is to be told of the selected mailbox. */
export interface SelectedWish {
  /** New and expunged messages; without them the mailbox stands still for the client. */
  readonly messages: boolean
  readonly flags: boolean
  /** `selected`: EXPUNGE at any time; else (`selected-delayed`) where RFC 3501 §7.4.1 lets it be. */
  readonly immediate: boolean
  /** Asked of each new message. */
  readonly fetch: readonly Wanted[]
}

/** What is to be told of the other mailboxes that a filter means. */
export interface Group { readonly filter: MailboxFilter; readonly events: number }

export interface NotifyArguments {
  /** False: `NONE`. */
  readonly set: boolean
  /** The figures of all mailboxes watched are told at once. */
  readonly status: boolean
  readonly selected: SelectedWish | undefined
  readonly groups: readonly Group[]
  /** An event was asked for that is not known here. */
  readonly unknown: boolean
}

/** Nothing is told of any mailbox: NOTIFY NONE. */
export const nothing: NotifyArguments = { set: false, status: false, selected: undefined, groups: [], unknown: false }

/** The bits asked for, and what came with MessageNew. */
interface Events { readonly bits: number; readonly fetch: readonly Wanted[]; readonly unknown: boolean }

const noEvents: Events = { bits: 0, fetch: [], unknown: false }
const bitOf = new Map<string, number>(Object.entries(Event).map(([name, bit]) => [name.toUpperCase(), bit]))

/** Throws ParseError, Bad. */
export function notifyArguments(p: Parser): NotifyArguments {
  if (p.sp().take('NONE')) return nothing
  p.expect('SET')
  const status = p.take(' STATUS')
  const groups: Group[] = []
  let selected: SelectedWish | undefined
  let unknown = false
  do {
    const { kind, immediate, events } = eventGroup(p.sp())
    unknown ||= events.unknown
    if (kind !== undefined) {
      if (events.fetch.length > 0) throw new Bad('FETCH attributes are for the selected mailbox only')
      if (events.bits !== 0) groups.push({ filter: kind, events: events.bits })
      continue
    }
    if (selected !== undefined) throw new Bad('Duplicate selected filter')
    if ((events.bits & ~messageEvents) !== 0) throw new Bad('Only message events can be had for the selected mailbox')
    selected = { messages: (events.bits & Event.MessageNew) !== 0, flags: (events.bits & Event.FlagChange) !== 0, immediate, fetch: events.fetch }
  } while (!p.atEnd && p.peek() === ' ')
  return { set: true, status, selected, groups, unknown }
}

/** `kind` undefined: the selected mailbox. */
function eventGroup(p: Parser): { kind: MailboxFilter | undefined; immediate: boolean; events: Events } {
  p.open()
  const immediate = !p.take('SELECTED-DELAYED')
  const filter: MailboxFilter = immediate ? mailboxFilter(p) : { kind: 'SELECTED' }
  if (filter.kind === 'SUBTREE-ONE') p.fail('Unknown mailbox filter SUBTREE-ONE')
  const events = p.sp().take('NONE') ? noEvents : eventList(p)
  p.close()
  return { kind: filter.kind === 'SELECTED' ? undefined : filter, immediate, events }
}

function eventList(p: Parser): Events {
  let bits = 0
  let annotations = false
  let unknown = false
  let fetch: readonly Wanted[] = []
  const names = p.list((one) => {
    const name = one.word('an event')
    bits |= bitOf.get(name) ?? 0
    unknown ||= !bitOf.has(name)
    annotations ||= name === 'ANNOTATIONCHANGE'
    if (name === 'MESSAGENEW' && one.sees(' (')) fetch = parseAttributes(one.sp())
    return name
  })
  if (names.length === 0) p.fail('Expected an event')
  const both = Event.MessageNew | Event.MessageExpunge
  if ((bits & both) !== 0 && (bits & both) !== both) throw new Bad('MessageNew and MessageExpunge must be together')
  if (((bits & Event.FlagChange) !== 0 || annotations) && (bits & both) === 0) throw new Bad('FlagChange requires MessageNew and MessageExpunge')
  return { bits, fetch, unknown }
}

/** Mailbox names that the client has said. */
export const namesIn = ({ groups }: NotifyArguments): number =>
  groups.reduce((count, { filter }) => count + ('names' in filter ? filter.names.length : 0), 0)

/** The events asked for anywhere. */
export const eventsIn = ({ groups }: NotifyArguments): number => groups.reduce((bits, { events }) => bits | events, 0)
