// THREADID. RFC 8474 §5.2: NIL, as of a server that keeps no threads; THREAD computes them.

import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['THREADID'],
  capability: 'OBJECTID',
  needs: 'columns',
  parse: () => undefined,
  write: () => 'THREADID NIL',
})
