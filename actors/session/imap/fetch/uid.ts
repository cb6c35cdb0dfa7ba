// UID. RFC 3501 §7.4.2.

import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['UID'],
  needs: 'columns',
  parse: () => undefined,
  write: (_, m) => `UID ${m.uid}`,
})
