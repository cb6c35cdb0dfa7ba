// NOT <search-key>. RFC 3501 §6.4.4.

import { searchKey } from './key.ts'

export default searchKey({
  names: ['NOT'],
  parse(k) {
    const criterion = k.key()
    return {
      matcher(view, now, then) {
        const matches = criterion.matcher(view, now, then)
        return (m) => {
          const result = matches(m)
          return result === undefined ? undefined : !result
        }
      },
    }
  },
})
