// SEARCH. RFC 3501 §6.4.4: `search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)`; with result options RFC 4731:
// `search = "SEARCH" [SP "RETURN" SP "(" … ")"] …`

import { RequiresSync, UsesSequences, command } from '../command.ts'
import type { Criterion } from '../search/key.ts'
import { parseProgram } from '../search/program.ts'
import { parseReturnOptions, sendResults } from '../search/return-options.ts'
import type { ReturnOptions } from '../search/return-options.ts'
import { search, searchReply } from '../search/run.ts'
import { saveResults, savingOrNothing } from '../search/saved-result.ts'

interface Arguments { readonly options: ReturnOptions; readonly criterion: Criterion }

export default command<Arguments>({
  name: 'SEARCH',
  uid: true,
  states: ['selected'],
  flags: UsesSequences | RequiresSync,
  parse: (p) => ({ options: parseReturnOptions(p.sp()), criterion: parseProgram(p) }),
  run: ({ options, criterion }, s) => savingOrNothing(options, s, async () => {
    const outcome = await search(criterion, s)
    await sendResults('SEARCH', options, outcome.found, s, criterion.modseq)
    const reply = searchReply('Search completed', outcome, s)
    saveResults(options, outcome.found, s.selected.view)
    return reply
  }),
})
