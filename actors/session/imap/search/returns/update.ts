// UPDATE: what changes among the results is told until CANCELUPDATE. RFC 5267 §4.3; see live-search.ts. For SEARCH only.

import { returnItem } from './item.ts'

export default returnItem({
  name: 'UPDATE',
  capability: 'CONTEXT=SEARCH',
  searchOnly: true,
  parse: () => undefined,
  write: () => undefined,
  saved: () => [],
})
