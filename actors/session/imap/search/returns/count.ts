// COUNT: how many results there are. RFC 4731 §3.1.

import { returnItem } from './item.ts'

export default returnItem({
  name: 'COUNT',
  capability: ['ESEARCH', 'ESORT'],
  parse: () => undefined,
  write: (_, results) => `COUNT ${results.length}`,
  saved: (_, results) => results,
})
