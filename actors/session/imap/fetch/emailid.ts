// EMAILID. RFC 8474 §5.1: the mail's GUID.

import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['EMAILID'],
  capability: 'OBJECTID',
  needs: 'columns',
  parse: () => undefined,
  write: (_, m) => `EMAILID (${m.messages.guidOf(m.row)})`,
})
