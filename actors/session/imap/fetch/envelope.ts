// ENVELOPE. RFC 3501 §7.4.2. From the message cache, unless one of its fields was too long to be kept there.

import { envelopeFields, envelopeNames } from '../../../mail/envelope.ts'
import { coversFields } from '../../../mail/summary.ts'
import { encodeEnvelope } from '../encode-envelope.ts'
import { writeEnvelope } from '../write-envelope.ts'
import { fetchItem } from './item.ts'

const fieldNames = [...envelopeNames.keys()]

export default fetchItem({
  names: ['ENVELOPE'],
  needs: 'summary',
  parse: () => undefined,
  head: {
    enough: () => true,
    write(_, head, out) {
      if (!coversFields(head, fieldNames)) return false
      out.text('ENVELOPE ')
      writeEnvelope(head.header, out)
      return true
    },
  },
  async write(_, m, summary) {
    const cached = coversFields(summary, fieldNames)
    return `ENVELOPE ${encodeEnvelope(envelopeFields(cached ? summary.header : await m.headerBytes(0, summary.root.headerSize)))}`
  },
})
