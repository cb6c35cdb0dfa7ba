// ALL: every result, in the order of the answer. RFC 4731 §3.1, RFC 5267 §3.

import { SequenceSet } from '../../sequence-set.ts'
import { returnItem } from './item.ts'

export default returnItem({
  name: 'ALL',
  capability: ['ESEARCH', 'ESORT'],
  parse: () => undefined,
  write: (_, results) => (results.length > 0 ? `ALL ${SequenceSet.of(results)}` : undefined),
  saved: (_, results) => results,
})
