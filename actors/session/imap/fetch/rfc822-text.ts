// RFC822.TEXT: BODY[TEXT] under an older name. RFC 3501 §6.4.5.

import { fetchItem } from './item.ts'
import { readSection } from './section.ts'

export default fetchItem({
  names: ['RFC822.TEXT'],
  needs: 'bytes',
  parse: () => undefined,
  marksSeen: () => true,
  headerOnly: () => false,
  write: async (_, m) => ['RFC822.TEXT ', ...await readSection({ part: [], text: 'TEXT', fields: [] }, undefined, m)],
})
