// OLDER and YOUNGER: INTERNALDATE by its distance from now, in seconds. RFC 5032.

import { searchKey } from './key.ts'

export default searchKey({
  names: ['OLDER', 'YOUNGER'],
  capability: 'WITHIN',
  parse({ p }, name) {
    const interval = p.sp().nznumber('an interval')
    return {
      matcher(_, now) {
        const border = now - interval
        return name === 'OLDER' ? (m) => m.messages.internalDates[m.row]! <= border : (m) => m.messages.internalDates[m.row]! >= border
      },
    }
  },
})
