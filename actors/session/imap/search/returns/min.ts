// MIN: the first result. RFC 4731 §3.1.

import { returnItem } from './item.ts'

export default returnItem({
  name: 'MIN',
  capability: ['ESEARCH', 'ESORT'],
  parse: () => undefined,
  write: (_, results) => (results.length > 0 ? `MIN ${results[0]}` : undefined),
  saved: (_, results) => results.slice(0, 1),
})
