// BODYSTRUCTURE: the structure with extension data. RFC 3501 §7.4.2.

import { encodeBodyStructure } from '../encode-body-structure.ts'
import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['BODYSTRUCTURE'],
  needs: 'summary',
  parse: () => undefined,
  write: (_, _m, summary) => `BODYSTRUCTURE ${encodeBodyStructure(summary.root, true)}`,
})
