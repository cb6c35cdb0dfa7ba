// SAVEDBEFORE, SAVEDON and SAVEDSINCE: the day on which the message came into this mailbox (UTC); SAVEDATESUPPORTED: whether it is
// known, as it always is here. RFC 8514 §4.3.

import { compareDays, dayOf, parseDay } from './day.ts'
import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['SAVEDATESUPPORTED', 'SAVEDBEFORE', 'SAVEDON', 'SAVEDSINCE'],
  capability: 'SAVEDATE',
  parse({ p }, name) {
    if (name === 'SAVEDATESUPPORTED') return always(() => true)
    const matches = compareDays(name, parseDay(p))
    return always((m) => matches(dayOf(m.messages.saveDates[m.row]!)))
  },
})
