// BODY[section]<partial> and BODY.PEEK[section]<partial>. RFC 3501 §6.4.5.

import { FieldNames } from '../../../mail/field-names.ts'
import { fetchItem } from './item.ts'
import { parsePartial, parseSection, readSection, sectionLabel, writeFieldsOfHead } from './section.ts'

export default fetchItem({
  names: ['BODY[', 'BODY.PEEK['],
  needs: 'bytes',
  parse(p, name) {
    const section = parseSection(p)
    const partial = parsePartial(p)
    return { peek: name === 'BODY.PEEK[', section, names: new FieldNames(section.fields), partial, label: `${sectionLabel(section, partial)} ` }
  },
  marksSeen: ({ peek }) => !peek,
  headerOnly: ({ section }) => section.text.startsWith('HEADER') || section.text === 'MIME',
  head: {
    enough: ({ section }) => section.part.length === 0 && section.text === 'HEADER.FIELDS',
    write({ section, names, partial, label }, head, out) {
      out.text(label)
      return writeFieldsOfHead(section, names, partial, head, out)
    },
  },
  write: async ({ section, partial, label }, m) => [label, ...await readSection(section, partial, m)],
})
