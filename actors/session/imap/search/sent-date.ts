// SENTBEFORE, SENTON and SENTSINCE: the day written in the Date field. RFC 3501 §6.4.4. Without a readable Date none matches.

import { parseDate } from '../../../mail/date.ts'
import { compareDays, dayOf, parseDay } from './day.ts'
import { firstValue } from './fields.ts'
import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['SENTBEFORE', 'SENTON', 'SENTSINCE'],
  parse({ p }, name) {
    const matches = compareDays(name, parseDay(p))
    return always((m) => {
      const value = firstValue(m, 'date')
      if (value === undefined) return undefined
      const date = parseDate(value)
      return date !== undefined && matches(dayOf(date.unixSeconds, date.zoneMinutes))
    })
  },
})
