// FETCH. RFC 3501 §6.4.5: `fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")`

import { Flag } from '../../../user/types.ts'
import { No, UsesSequences, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { parseAttributes, withUid } from '../fetch/attributes.ts'
import type { Wanted } from '../fetch/attributes.ts'
import { fetchColumns, fetchMessages } from '../fetch/run.ts'
import type { FetchOutcome } from '../fetch/run.ts'
import type { SequenceSet } from '../sequence-set.ts'

interface Arguments { readonly set: SequenceSet; readonly wanted: readonly Wanted[] }

export default command<Arguments>({
  name: 'FETCH',
  uid: true,
  states: ['selected'],
  flags: UsesSequences,
  log: ({ set, wanted }) => `${set} (${wanted.map(({ item }) => item.names[0]).join(' ')})`,
  parse: (p) => ({ set: p.sp().sequenceSet(), wanted: parseAttributes(p.sp()) }),
  async run({ set, wanted }, s) {
    const { view, readOnly } = s.selected
    const ranges = view.ranges(set, s.running.uid)
    const items = s.running.uid ? withUid(wanted) : wanted
    if (items.every(({ item }) => item.needs === 'columns')) return reply(await fetchColumns(items, ranges, s), s)
    const marks = !readOnly && items.some(marksSeen)
    const outcome = await fetchMessages(items, ranges, s, marks)
    if (marks) await markSeen(outcome.sent, s)
    return reply(outcome, s)
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

/** OK, or what was not sent and why. */
function reply({ expunged, unavailable, unreadable }: FetchOutcome, s: ImapSession): ReturnType<typeof ok> {
  if (unreadable) {
    if (s.settings.imap_fetch_failure !== 'no-after') {
      s.send('BYE FETCH failed')
      s.logout()
    }
    throw new No('SERVERBUG', 'Some messages could not be read')
  }
  if (unavailable) throw new No('UNAVAILABLE', 'Some messages cannot be read now, try again later')
  if (expunged) throw new No('EXPUNGEISSUED', 'Some of the requested messages no longer exist')
  return ok('Fetch completed')
}
