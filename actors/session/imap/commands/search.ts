// SEARCH. RFC 3501 §6.4.4: `search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)`; with result options RFC 4731:
// `search = "SEARCH" [SP "RETURN" SP "(" … ")"] …`; IMAP4rev2 answers ESEARCH always: RFC 9051 §6.4.4.

import { limits } from '../../../../runtime/limits.ts'
import { Bad, RequiresSync, UsesSequences, command } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { quoted } from '../encode.ts'
import type { Wanted } from '../fetch/attributes.ts'
import type { Criterion } from '../search/key.ts'
import { cutShort, newestNumbers } from '../message-limit.ts'
import { speaksRev2 } from '../revision.ts'
import { LiveSearch } from '../search/live-search.ts'
import { parseProgram } from '../search/program.ts'
import { asked, everything, parseReturnOptions, sendResults } from '../search/return-options.ts'
import type { ReturnOptions } from '../search/return-options.ts'
import { search, searchReply } from '../search/run.ts'
import { saveResults, savingOrNothing } from '../search/saved-result.ts'

interface Arguments { readonly options: ReturnOptions; readonly criterion: Criterion }

export default command<Arguments>({
  name: 'SEARCH',
  uid: true,
  capability: 'INPROGRESS',
  states: ['selected'],
  flags: UsesSequences | RequiresSync,
  parse: (p) => ({ options: parseReturnOptions(p.sp(), 'SEARCH'), criterion: parseProgram(p) }),
  run: ({ options, criterion }, s) => savingOrNothing(options, s, async () => {
    const update = asked(options, 'UPDATE')
    // RFC 5267 §4.3: the tag will name the search.
    if (update !== undefined && s.selected.searches.has(s.running.tag)) throw new Bad('Error in IMAP command SEARCH: The tag is that of a search that goes on.')
    const outcome = await search(criterion, s)
    const { kept: found, code } = newestNumbers(outcome.found, s)
    await sendResults('SEARCH', options ?? (speaksRev2(s) ? everything : undefined), found, s, criterion.modseq)
    const reply = searchReply('Search completed', outcome, s)
    saveResults(options, found, s.selected.view)
    if (update !== undefined) goOn(criterion, found, update.args as readonly Wanted[], s)
    return cutShort(reply, code, s)
  }),
})

/** The search goes on (RFC 5267 §4.3), unless too many do. */
function goOn(criterion: Criterion, found: readonly number[], fetch: readonly Wanted[], s: ImapSession): void {
  const { searches } = s.selected
  const { tag } = s.running
  for (const { item } of fetch) if (item.enables !== undefined) s.enable(item.enables)
  if (searches.size < limits.liveSearches) searches.set(tag, new LiveSearch(criterion, found, fetch, s))
  else s.send(`NO [NOUPDATE ${quoted(tag)}] Too many searches go on`)
}
