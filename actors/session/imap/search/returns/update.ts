// UPDATE: what changes among the results is told until CANCELUPDATE. RFC 5267 §4.3; see live-search.ts. For SEARCH only.
// `UPDATE (UID FLAGS)`: and that of each new message among them. RFC 5465 §7.

import { parseAttributes } from '../../fetch/attributes.ts'
import type { Wanted } from '../../fetch/attributes.ts'
import { returnItem } from './item.ts'

export default returnItem({
  name: 'UPDATE',
  capability: 'CONTEXT=SEARCH',
  searchOnly: true,
  /** modifier-update = "UPDATE" ["(" fetch-att *(SP fetch-att) ")"]; the example in §7 has a space there. */
  parse: (p): readonly Wanted[] => (p.peek() === '(' || p.sees(' (') ? parseAttributes(p.peek() === '(' ? p : p.sp()) : []),
  write: () => undefined,
  saved: () => [],
})
