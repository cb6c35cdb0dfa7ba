// RFC822.SIZE: bytes of the message in CRLF form. RFC 3501 §7.4.2.

import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['RFC822.SIZE'],
  needs: 'columns',
  parse: () => undefined,
  write: (_, m) => `RFC822.SIZE ${m.messages.sizes[m.row]!}`,
})
