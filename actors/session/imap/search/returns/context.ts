// CONTEXT: a hint that the same search will be asked again. RFC 5267 §4.2. Nothing is kept for it: the message cache answers.

import { returnItem } from './item.ts'

export default returnItem({
  name: 'CONTEXT',
  capability: 'CONTEXT=SEARCH',
  searchOnly: true,
  parse: () => undefined,
  write: () => undefined,
  saved: () => [],
})
