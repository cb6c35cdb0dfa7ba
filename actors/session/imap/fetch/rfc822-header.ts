// RFC822.HEADER: BODY.PEEK[HEADER] under an older name. RFC 3501 §6.4.5.

import { fetchItem } from './item.ts'
import { readSection } from './section.ts'

export default fetchItem({
  names: ['RFC822.HEADER'],
  needs: 'bytes',
  parse: () => undefined,
  marksSeen: () => false,
  headerOnly: () => true,
  write: async (_, m) => ['RFC822.HEADER ', ...await readSection({ part: [], text: 'HEADER', fields: [] }, undefined, m)],
})
