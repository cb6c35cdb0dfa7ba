// NOTIFY: which events of which mailboxes the client is told without asking. RFC 5465.
// `SET` first tells what has happened in the selected mailbox up to now (§3.1), `SET STATUS` also how all the others stand.

import { LimitExceeded, TempFail } from '../../../../runtime/errors.ts'
import { limits } from '../../../../runtime/limits.ts'
import { MailError } from '../../../user/errors.ts'
import type { MailboxInfo } from '../../../user/types.ts'
import { BreaksSequences, ExpectsNews, No, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { Event, eventsIn, messageEvents, metadataEvents, namesIn, notifyArguments } from '../notify/arguments.ts'
import type { NotifyArguments } from '../notify/arguments.ts'
import type { Notifier } from '../notify/notifier.ts'
import { snapshot } from '../notify/responses.ts'
import { has } from '../rights.ts'

export default command<NotifyArguments>({
  name: 'NOTIFY', capability: 'NOTIFY', states: ['authenticated'], flags: BreaksSequences | ExpectsNews,
  parse: notifyArguments,
  log: ({ set, groups }) => (set ? `SET ${groups.map(({ filter }) => filter.kind).join(' ')}` : 'NONE'),
  async run(args, s) {
    const metadata = s.settings.imap_metadata
    if (args.unknown || (!metadata && (eventsIn(args) & metadataEvents) !== 0)) {
      const supported = Object.entries(Event).filter(([, bit]) => metadata || (bit & metadataEvents) === 0).map(([name]) => name)
      throw new No(`BADEVENT (${supported.join(' ')})`, 'Unsupported NOTIFY events.')
    }
    if (namesIn(args) > limits.notifyNames) throw new No('NOTIFICATIONOVERFLOW', 'Too many mailbox names')
    for (const { item } of args.selected?.fetch ?? []) if (item.enables !== undefined) s.enable(item.enables)
    const notifier = s.notify(args)
    if ((eventsIn(args) & messageEvents) !== 0) await tellWatched(args, notifier, s)
    return ok('NOTIFY completed.')
  },
})

/** Of all mailboxes whose messages are watched: which the client may not see, and how the others stand if it asks. */
async function tellWatched(args: NotifyArguments, notifier: Notifier, s: ImapSession): Promise<void> {
  const modseq = (eventsIn(args) & Event.FlagChange) !== 0 || s.enabled.has('CONDSTORE')
  for (const info of s.user.list()) {
    if (info.guid === undefined || (s.hasSelected && s.selected.mailbox.guid === info.guid)) continue
    if ((notifier.pending.eventsOf(info) & messageEvents) === 0) continue
    const refused = notifier.pending.refused(info.name)
    if (refused !== undefined) s.send(refused)
    else if (args.status && has('r', info.name, s)) await tellStatus(info, modseq, s)
    const slow = s.flush()
    if (slow !== undefined) await slow
  }
}

async function tellStatus(info: MailboxInfo, modseq: boolean, s: ImapSession): Promise<void> {
  try {
    s.send(snapshot(info, await s.user.status(s.context('imap:cmd_notify'), info.name), modseq, s))
  } catch (error) {
    // Deleted while the others were told.
    if (error instanceof MailError) return
    if (!(error instanceof TempFail || error instanceof LimitExceeded)) throw error
    s.send('NO [UNAVAILABLE] The figures of some mailboxes cannot be had now')
  }
}
