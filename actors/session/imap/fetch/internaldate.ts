// INTERNALDATE: when the message arrived here. RFC 3501 §2.3.3.

import { dateTime } from '../encode.ts'
import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['INTERNALDATE'],
  needs: 'columns',
  parse: () => undefined,
  write: (_, m) => `INTERNALDATE ${dateTime(m.messages.internalDates[m.row]!)}`,
})
