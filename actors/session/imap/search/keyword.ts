// KEYWORD and UNKEYWORD. RFC 3501 §6.4.4. Keywords are compared without regard to letter case. Some clients quote them.

import { searchKey } from './key.ts'

export default searchKey({
  names: ['KEYWORD', 'UNKEYWORD'],
  parse({ p }, name) {
    const wanted = (p.sp().peek() === '"' ? p.quoted() : p.atom('a keyword')).toLowerCase()
    const set = name === 'KEYWORD'
    return {
      matcher({ mailbox }) {
        const number = mailbox.keywords.findIndex((keyword) => keyword.toLowerCase() === wanted)
        return (m) => (number >= 0 && m.messages.hasKeyword(m.row, number)) === set
      },
    }
  },
})
