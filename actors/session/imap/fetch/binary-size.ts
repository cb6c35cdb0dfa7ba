// BINARY.SIZE[section]. RFC 3516 §4.2: of an encoded part it costs a reading, which is why clients are told to ask for it seldom.

import { binarySize, parseBinarySection } from './binary-section.ts'
import { fetchItem } from './item.ts'

export default fetchItem({
  names: ['BINARY.SIZE['],
  capability: 'BINARY',
  needs: 'bytes',
  parse: (p) => parseBinarySection(p),
  marksSeen: () => false,
  headerOnly: () => false,
  write: async (part, m) => [`BINARY.SIZE[${part.join('.')}] ${await binarySize(part, m)}`],
})
