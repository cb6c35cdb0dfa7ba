// FLAGS. RFC 3501 §7.4.2.

import type { Mailbox } from '../../../user/types.ts'
import { flags } from '../encode.ts'
import { fetchItem } from './item.ts'

/** Every answer without keywords, by system bits and \Recent (32): the common case makes no string. */
const plain = Array.from({ length: 64 }, (_, bits) => `FLAGS ${flags(bits & 31, [], (bits & 32) !== 0)}`)

/** `FLAGS (\Seen $Label1)` of a row: also what changes by other sessions are told with. */
export function flagsOf({ messages, keywords }: Mailbox, row: number, recent: boolean): string {
  const system = messages.flags[row]!
  const numbers = keywords.length > 0 ? messages.keywordsOf(row) : []
  if (numbers.length === 0) return plain[(system & 31) | (recent ? 32 : 0)]!
  return `FLAGS ${flags(system, numbers.map((number) => keywords[number]!), recent)}`
}

export default fetchItem({
  names: ['FLAGS'],
  needs: 'columns',
  parse: () => undefined,
  write: (_, m) => flagsOf(m.view.mailbox, m.row, m.view.isRecent(m.uid)),
})
