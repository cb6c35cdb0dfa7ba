// MAX: the last result. RFC 4731 §3.1.

import { returnItem } from './item.ts'

export default returnItem({
  name: 'MAX',
  capability: ['ESEARCH', 'ESORT'],
  parse: () => undefined,
  write: (_, results) => (results.length > 0 ? `MAX ${results.at(-1)}` : undefined),
  saved: (_, results) => results.slice(-1),
})
