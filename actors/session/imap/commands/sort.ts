// SORT. RFC 5256 §3: `sort = "SORT" SP sort-criteria SP search-criteria`; with result options RFC 5267 §3 (ESORT).

import { RequiresSync, UsesSequences, command } from '../command.ts'
import { cutShort, newestNumbers } from '../message-limit.ts'
import type { Criterion } from '../search/key.ts'
import { parseProgramInCharset } from '../search/program.ts'
import { parseReturnOptions, sendResults } from '../search/return-options.ts'
import type { ReturnOptions } from '../search/return-options.ts'
import { search, searchReply } from '../search/run.ts'
import { saveResults, savingOrNothing } from '../search/saved-result.ts'
import { parseSortProgram } from '../sort/program.ts'
import type { SortCriterion } from '../sort/program.ts'
import { sort } from '../sort/run.ts'
import { Turn } from '../turn.ts'

interface Arguments { readonly options: ReturnOptions; readonly by: readonly SortCriterion[]; readonly criterion: Criterion }

export default command<Arguments>({
  name: 'SORT',
  uid: true,
  // Its texts, and those of SEARCH and THREAD, are compared by i;unicode-casemap (RFC 5255 §4.3).
  capability: ['SORT', 'SORT=DISPLAY', 'I18NLEVEL=1'],
  states: ['selected'],
  flags: UsesSequences | RequiresSync,
  log: ({ by }) => `(${by.map(({ name, reverse }) => (reverse ? `REVERSE ${name}` : name)).join(' ')})`,
  parse: (p) => ({ options: parseReturnOptions(p.sp(), 'SORT'), by: parseSortProgram(p), criterion: parseProgramInCharset(p.sp()) }),
  run: ({ options, by, criterion }, s) => savingOrNothing(options, s, async () => {
    const { found: all, unavailable, expunged } = await search(criterion, s)
    const { kept: found, code } = newestNumbers(all, s)
    const outcome = await sort(found, by, s, new Turn(s.effects), s.context('imap:sort'))
    await sendResults('SORT', options, outcome.sorted, s, criterion.modseq)
    const reply = searchReply('Sort completed', { unavailable: unavailable || outcome.unavailable, expunged }, s)
    saveResults(options, outcome.sorted, s.selected.view)
    return cutShort(reply, code, s)
  }),
})
