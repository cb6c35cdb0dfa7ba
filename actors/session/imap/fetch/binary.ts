// BINARY[section]<partial> and BINARY.PEEK[section]<partial>. RFC 3516 §4.2.

import { parseBinarySection, readBinary } from './binary-section.ts'
import { fetchItem } from './item.ts'
import { parsePartial } from './section.ts'

export default fetchItem({
  names: ['BINARY[', 'BINARY.PEEK['],
  capability: 'BINARY',
  needs: 'bytes',
  parse: (p, name) => ({ peek: name === 'BINARY.PEEK[', part: parseBinarySection(p), partial: parsePartial(p) }),
  marksSeen: ({ peek }) => !peek,
  headerOnly: () => false,
  write: async ({ part, partial }, m) => [`BINARY[${part.join('.')}]${partial ? `<${partial.start}>` : ''} `, ...await readBinary(part, partial, m)],
})
