// SAVE: what was found is `$` from now on. RFC 5182. It says nothing; the keeping is done in saved-result.ts.

import { returnItem } from './item.ts'

export default returnItem({
  name: 'SAVE',
  capability: 'SEARCHRES',
  parse: () => undefined,
  write: () => undefined,
  saved: () => [],
})
