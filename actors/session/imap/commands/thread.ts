// THREAD. RFC 5256 §4: `thread = "THREAD" SP thread-alg SP search-criteria`

import { limits } from '../../../../runtime/limits.ts'
import type { ThreadForest } from '../../../mail/thread-forest.ts'
import { threadText } from '../../../mail/thread-text.ts'
import { RequiresSync, UsesSequences, command } from '../command.ts'
import type { ImapSession } from '../command.ts'
import type { Parser } from '../grammar.ts'
import { mustBeWithin } from '../message-limit.ts'
import type { Criterion } from '../search/key.ts'
import { parseProgramInCharset } from '../search/program.ts'
import { search, searchReply } from '../search/run.ts'
import { algorithms, thread } from '../thread/run.ts'
import type { Algorithm } from '../thread/run.ts'
import { Turn } from '../turn.ts'

interface Arguments { readonly algorithm: Algorithm; readonly criterion: Criterion }

function parseAlgorithm(p: Parser): Algorithm {
  const name = p.word('a thread algorithm')
  return algorithms.find((algorithm) => algorithm === name) ?? p.fail(`Unknown thread algorithm ${name}`)
}

export default command<Arguments>({
  name: 'THREAD',
  uid: true,
  capability: algorithms.map((algorithm) => `THREAD=${algorithm}`),
  states: ['selected'],
  flags: UsesSequences | RequiresSync,
  log: ({ algorithm }) => algorithm,
  parse: (p) => ({ algorithm: parseAlgorithm(p.sp()), criterion: parseProgramInCharset(p.sp()) }),
  async run({ algorithm, criterion }, s) {
    const { found, unavailable, expunged } = await search(criterion, s)
    mustBeWithin(found.length, s)
    const turn = new Turn(s.effects)
    const outcome = await thread(algorithm, found, s, turn, s.context('imap:thread'))
    await sendThreads(outcome.forest, found, s, turn)
    return searchReply('Thread completed', { unavailable: unavailable || outcome.unavailable, expunged }, s)
  },
})

/** One line however long it is, in pieces. */
async function sendThreads(forest: ThreadForest, seqs: readonly number[], s: ImapSession, turn: Turn): Promise<void> {
  const { view } = s.selected
  const numbers = s.running.uid ? seqs.map((seq) => view.uidAt(seq)) : seqs
  let text = forest.roots.length > 0 ? '* THREAD ' : '* THREAD'
  for (const piece of threadText(forest, numbers)) {
    text += piece
    if (text.length < limits.fetchTextBytes) continue
    s.write(text)
    text = ''
    await s.flush()
    if (turn.over) await turn.rest()
  }
  s.write(`${text}\r\n`)
}
