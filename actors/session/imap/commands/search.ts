// SEARCH. RFC 3501 §6.4.4: `search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)`

import { limits } from '../../../../runtime/limits.ts'
import { No, RequiresSync, UsesSequences, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import type { Criterion } from '../search/key.ts'
import { parseProgram } from '../search/program.ts'
import { search } from '../search/run.ts'

export default command<Criterion>({
  name: 'SEARCH',
  uid: true,
  states: ['selected'],
  flags: UsesSequences | RequiresSync,
  parse: (p) => parseProgram(p.sp()),
  async run(criterion, s) {
    const { found, unavailable } = await search(criterion, s)
    await sendFound(found, s)
    if (unavailable) throw new No('UNAVAILABLE', 'Some messages cannot be searched now, try again later')
    return ok('Search completed')
  },
})

/** One line however long it is, in pieces. */
async function sendFound(found: readonly number[], s: ImapSession): Promise<void> {
  const { view } = s.selected
  let text = '* SEARCH'
  for (const seq of found) {
    text += ` ${s.running.uid ? view.uidAt(seq) : seq}`
    if (text.length < limits.fetchTextBytes) continue
    s.write(text)
    text = ''
    await s.flush()
  }
  s.write(`${text}\r\n`)
}
