// SAVEDATE: when the message came into this mailbox. RFC 8514 §4.2.

import { dateTime } from '../encode.ts'
import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['SAVEDATE'],
  capability: 'SAVEDATE',
  needs: 'columns',
  parse: () => undefined,
  write: (_, m) => `SAVEDATE ${dateTime(m.messages.saveDates[m.row]!)}`,
})
