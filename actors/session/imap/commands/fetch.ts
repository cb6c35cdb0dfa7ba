// FETCH. RFC 3501 §6.4.5: `fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
// [fetch-modifiers]`. CHANGEDSINCE and VANISHED: RFC 7162 §3.1.4, §3.2.6; PARTIAL: RFC 9394 §3.3.

import { Flag } from '../../../user/types.ts'
import { No, UsesSequences, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { parseAttributes, withModseq, withUid } from '../fetch/attributes.ts'
import type { Wanted } from '../fetch/attributes.ts'
import { changedAfter, checkModifiers, parseModifiers, partOfRanges } from '../fetch/modifiers.ts'
import type { FetchModifiers } from '../fetch/modifiers.ts'
import { fetchColumns, fetchMessages } from '../fetch/run.ts'
import type { FetchOutcome } from '../fetch/run.ts'
import { cutShort, mustBeWithin, newestRanges } from '../message-limit.ts'
import { speaksUidsOnly } from '../revision.ts'
import { has } from '../rights.ts'
import type { SequenceSet } from '../sequence-set.ts'
import { sendVanished, vanishedOf } from '../vanished.ts'

interface Arguments { readonly set: SequenceSet; readonly wanted: readonly Wanted[]; readonly modifiers: FetchModifiers }

export default command<Arguments>({
  name: 'FETCH',
  uid: true,
  states: ['selected'],
  flags: UsesSequences,
  log: ({ set, wanted }) => `${set} (${wanted.map(({ item }) => item.names[0]).join(' ')})`,
  parse: (p) => ({ set: p.sp().sequenceSet(), wanted: parseAttributes(p.sp()), modifiers: parseModifiers(p) }),
  async run({ set, wanted, modifiers }, s) {
    const { view, readOnly } = s.selected
    checkModifiers(modifiers, s)
    const { changedSince, vanished, partial } = modifiers
    const named = changedSince === undefined ? wanted : withModseq(wanted)
    for (const { item } of named) if (item.enables !== undefined) s.enable(item.enables)
    const all = view.ranges(set, s.running.uid)
    if (vanished) await sendVanished(vanishedOf(set.resolve(view.mailbox.uidNext - 1), changedSince!, view), s)
    if (partial !== undefined) mustBeWithin(partial.high - partial.low + 1, s)
    // First the places, then what has changed there: RFC 9394 §3.4.
    const part = partial === undefined ? all : partOfRanges(partial, all)
    const { kept: ranges, code } = newestRanges(changedSince === undefined ? part : changedAfter(changedSince, part, view), s)
    const items = s.running.uid && !speaksUidsOnly(s) ? withUid(named) : named
    if (items.every(({ item }) => item.needs === 'columns')) return cutShort(reply(await fetchColumns(items, ranges, s), s), code, s)
    const marks = !readOnly && items.some(marksSeen) && has('s', view.mailbox.name, s)
    const outcome = await fetchMessages(items, ranges, s, marks)
    if (marks) await markSeen(outcome.sent, s)
    return cutShort(reply(outcome, s), code, s)
  },
})

const marksSeen = ({ item, args }: Wanted): boolean => item.needs === 'bytes' && item.marksSeen(args)

/** Those sent become \Seen, by one change; the machine tells it with what else has changed. */
async function markSeen(uids: readonly number[], s: ImapSession): Promise<void> {
  const { mailbox } = s.selected
  const unseen = uids.filter((uid) => {
    const row = mailbox.messages.rowOf(uid)
    return row >= 0 && (mailbox.messages.flags[row]! & Flag.Seen) === 0
  })
  if (unseen.length > 0) await mailbox.store(s.context('imap:fetch_seen'), unseen, { mode: 'add', flags: { system: Flag.Seen, keywords: [] } })
}

/** OK, or what was not sent and why. Messages that others have expunged are no failure: a NO would stop many clients. */
function reply({ expunged, unavailable, unreadable }: FetchOutcome, s: ImapSession): ReturnType<typeof ok> {
  if (unreadable) {
    if (s.settings.imap_fetch_failure !== 'no-after') {
      s.send('BYE FETCH failed')
      s.logout()
    }
    throw new No('SERVERBUG', 'Some messages could not be read')
  }
  if (unavailable) throw new No('UNAVAILABLE', 'Some messages cannot be read now, try again later')
  if (expunged) return ok('Some of the requested messages no longer exist', 'EXPUNGEISSUED')
  return ok('Fetch completed')
}
