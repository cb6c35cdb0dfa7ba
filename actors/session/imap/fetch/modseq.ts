// MODSEQ. RFC 7162 §3.1.5. Asking for it switches CONDSTORE on.

import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['MODSEQ'],
  needs: 'columns',
  enables: 'CONDSTORE',
  parse: () => undefined,
  write: (_, m) => `MODSEQ (${m.messages.modseqs[m.row]!})`,
})
