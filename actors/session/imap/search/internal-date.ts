// BEFORE, ON and SINCE: the day of INTERNALDATE, which FETCH shows in UTC. RFC 3501 §6.4.4.

import { compareDays, dayOf, parseDay } from './day.ts'
import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['BEFORE', 'ON', 'SINCE'],
  parse({ p }, name) {
    const matches = compareDays(name, parseDay(p))
    return always((m) => matches(dayOf(m.messages.internalDates[m.row]!)))
  },
})
