// ESEARCH: SEARCH in several mailboxes. RFC 7377: `esearch = "ESEARCH" [SP "IN" SP "(" source-mbox ")"] [SP search-return-opts] SP
// search-program`. Each mailbox where something is found has its response, in UIDs; mailboxes that are not there are passed over.

import { MailError } from '../../../user/errors.ts'
import type { MailboxHandle } from '../../../user/types.ts'
import { Bad, No, RequiresSync, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { mailbox as mailboxText, quoted } from '../encode.ts'
import type { Parser } from '../grammar.ts'
import { mailboxFilter, mailboxesOf } from '../mailbox-filter.ts'
import type { MailboxFilter } from '../mailbox-filter.ts'
import type { Criterion } from '../search/key.ts'
import { parseProgram } from '../search/program.ts'
import { asksFor, everything, parseReturnOptions, resultPieces, sendLong } from '../search/return-options.ts'
import type { Asked } from '../search/return-options.ts'
import { search } from '../search/run.ts'
import { saveResults, savingOrNothing } from '../search/saved-result.ts'
import { View } from '../view.ts'

interface Arguments { readonly filters: readonly MailboxFilter[]; readonly options: readonly Asked[]; readonly criterion: Criterion }

/** The selected mailbox, unless others are named. */
function parseSources(p: Parser): readonly MailboxFilter[] {
  if (!p.take('IN ')) return [{ kind: 'SELECTED' }]
  const filters = p.list(mailboxFilter)
  p.sp()
  return filters.length > 0 ? filters : p.fail('Expected which mailboxes')
}

export default command<Arguments>({
  name: 'ESEARCH',
  capability: 'MULTISEARCH',
  states: ['authenticated'],
  flags: RequiresSync,
  parse: (p) => ({ filters: parseSources(p.sp()), options: parseReturnOptions(p, 'ESEARCH') ?? everything, criterion: parseProgram(p) }),
  async run({ filters, options, criterion }, s) {
    const names = mailboxesOf(filters, s)
    const selectedOnly = filters.every(({ kind }) => kind === 'SELECTED')
    // Numbers mean messages of the selected mailbox; so does what is saved (RFC 7377 §2.1).
    if (!selectedOnly && criterion.sequences) throw new Bad('Error in IMAP command ESEARCH: Message numbers have no meaning in several mailboxes.')
    if (!selectedOnly && asksFor(options, 'SAVE')) throw new Bad('Error in IMAP command ESEARCH: SAVE is for the selected mailbox only.')
    let unavailable = false
    const each = async (): Promise<void> => {
      for (const name of names) if (await searchOne(name, criterion, options, s)) unavailable = true
    }
    await (asksFor(options, 'SAVE') ? savingOrNothing(options, s, each) : each())
    if (unavailable) throw new No('UNAVAILABLE', 'Some messages cannot be read now, try again later')
    return ok('Esearch completed')
  },
})

/** True if some messages could not be read now. */
async function searchOne(name: string, criterion: Criterion, options: readonly Asked[], s: ImapSession): Promise<boolean> {
  if (s.hasSelected && s.selected.mailbox.name === name) return searchView(s.selected.view, criterion, options, s)
  const handle = await s.user.open(s.context('imap:search'), name).catch(nothingThere)
  if (handle === undefined) return false
  const view = new View(handle.mailbox, { readOnly: true })
  try {
    return await searchView(view, criterion, options, s)
  } finally {
    view.close()
    handle.close()
  }
}

/** Deleted by another session meanwhile. */
function nothingThere(error: unknown): MailboxHandle | undefined {
  if (error instanceof MailError && error.code === 'NONEXISTENT') return undefined
  throw error
}

async function searchView(view: View, criterion: Criterion, options: readonly Asked[], s: ImapSession): Promise<boolean> {
  const { found, unavailable } = await search(criterion, s, view)
  saveResults(options, found, view)
  const pieces = resultPieces(options, found.map((seq) => view.uidAt(seq)))
  if (found.length === 0 || pieces.length === 0) return unavailable
  const { name, uidValidity } = view.mailbox
  await sendLong(`ESEARCH (TAG ${quoted(s.running.tag)} MAILBOX ${mailboxText(name, s)} UIDVALIDITY ${uidValidity}) UID ${pieces.join(' ')}`, s)
  return unavailable
}
