// OR <search-key> <search-key>. RFC 3501 §6.4.4.

import { searchKey } from './key.ts'

export default searchKey({
  names: ['OR'],
  parse(k) {
    const left = k.key()
    const right = k.key()
    return {
      matcher(view, now, then) {
        const one = left.matcher(view, now, then)
        const other = right.matcher(view, now, then)
        return (m) => {
          const first = one(m)
          if (first === true) return true
          const second = other(m)
          return second === true ? true : first === undefined || second === undefined ? undefined : false
        }
      },
    }
  },
})
