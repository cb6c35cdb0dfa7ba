// BODY without a section: the structure without extension data. RFC 3501 §6.4.5.

import { encodeBodyStructure } from '../encode-body-structure.ts'
import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['BODY'],
  needs: 'summary',
  parse: () => undefined,
  write: (_, _m, summary) => `BODY ${encodeBodyStructure(summary.root, false)}`,
})
