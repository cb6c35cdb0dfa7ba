// SNIPPET, SNIPPET (FUZZY), SNIPPET (LAZY=FUZZY): what PREVIEW was called before RFC 8970, as Dovecot 2.3 has it.

import { fetchItem } from './item.ts'
import { previewText } from './preview-text.ts'

export default fetchItem({
  names: ['SNIPPET'],
  capability: 'SNIPPET=FUZZY',
  needs: 'summary',
  parse(p) {
    const lazy = p.take(' (LAZY=FUZZY)')
    if (!lazy) p.take(' (FUZZY)')
    return lazy
  },
  write: async (lazy, m, summary) => `SNIPPET (FUZZY ${await previewText(lazy, m, summary)})`,
})
