// UIDBATCHES: ranges of UIDs that cut the mailbox into batches of equally many messages, the newest first
// (draft-ietf-mailmaint-imap-uidbatches). `uidbatches = "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]`: the messages of a batch,
// and which of the batches. Ranges lie side by side and the last reaches down to UID 1, so that every message is in one of them.

import { limits } from '../../../../runtime/limits.ts'
import { Bad, BreaksSequences, No, RequiresSync, command, ok } from '../command.ts'
import { quoted } from '../encode.ts'
import { sendLong } from '../search/return-options.ts'
import type { View } from '../view.ts'

/** The batches `first` … `last`, counted from the newest, as `high:low`. */
function batches(view: View, size: number, first: number, last: number): string[] {
  const ranges: string[] = []
  for (let batch = first; batch <= last; batch++) {
    const newest = view.count - (batch - 1) * size
    if (newest < 1) break
    const next = newest - size
    ranges.push(`${view.uidAt(newest)}:${next >= 1 ? view.uidAt(next) + 1 : 1}`)
  }
  return ranges
}

export default command({
  name: 'UIDBATCHES', capability: 'UIDBATCHES', states: ['selected'], flags: RequiresSync | BreaksSequences,
  parse: (p) => {
    const size = p.sp().nznumber('the size of a batch')
    if (!p.take(' ')) return { size, first: 1, last: Infinity }
    const first = p.nznumber('a batch')
    return { size, first, last: p.expect(':').nznumber('a batch') }
  },
  log: ({ size, first, last }) => `${size} ${first}:${last === Infinity ? '*' : last}`,
  async run({ size, first, last }, s) {
    if (size < limits.uidBatchMessages) throw new No('TOOFEW', `A batch has ${limits.uidBatchMessages} messages at least.`)
    if (first > last) throw new Bad('Error in IMAP command UIDBATCHES: The first batch comes before the last.', 'CLIENTBUG')
    const ranges = batches(s.selected.view, size, first, last)
    await sendLong(`UIDBATCHES (TAG ${quoted(s.running.tag)})${ranges.length > 0 ? ` ${ranges.join(',')}` : ''}`, s)
    return ok('Uidbatches completed.')
  },
})
