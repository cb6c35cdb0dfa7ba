// BODY[section]<partial> and BODY.PEEK[section]<partial>. RFC 3501 §6.4.5.

import { fetchItem } from './item.ts'
import { fieldsOfHead, parsePartial, parseSection, readSection, sectionLabel } from './section.ts'

export default fetchItem({
  names: ['BODY[', 'BODY.PEEK['],
  needs: 'bytes',
  parse: (p, name) => ({ peek: name === 'BODY.PEEK[', section: parseSection(p), partial: parsePartial(p) }),
  marksSeen: ({ peek }) => !peek,
  headerOnly: ({ section }) => section.text.startsWith('HEADER') || section.text === 'MIME',
  head: {
    enough: ({ section }) => section.part.length === 0 && section.text === 'HEADER.FIELDS',
    write({ section, partial }, head, out) {
      const bytes = fieldsOfHead(section, partial, head)
      if (bytes === undefined) return false
      out.text(`${sectionLabel(section, partial)} `)
      out.literal(bytes)
      return true
    },
  },
  write: async ({ section, partial }, m) => [`${sectionLabel(section, partial)} `, ...await readSection(section, partial, m)],
})
