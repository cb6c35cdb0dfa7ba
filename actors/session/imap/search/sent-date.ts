// SENTBEFORE, SENTON and SENTSINCE: the day written in the Date field. RFC 3501 §6.4.4. Where that is missing or cannot be read it
// is the day of INTERNALDATE (as in Dovecot).

import { parseDate } from '../../../mail/date.ts'
import { compareDays, dayOf, parseDay } from './day.ts'
import { valuesOf } from './fields.ts'
import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['SENTBEFORE', 'SENTON', 'SENTSINCE'],
  parse({ p }, name) {
    const matches = compareDays(name, parseDay(p))
    return always((m) => {
      const values = valuesOf(m, 'date')
      if (!values) return undefined
      const date = parseDate(values[0] ?? '')
      return matches(date ? dayOf(date.unixSeconds, date.zoneMinutes) : dayOf(m.messages.internalDates[m.row]!))
    })
  },
})
