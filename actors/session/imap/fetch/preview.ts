// PREVIEW, PREVIEW (LAZY). RFC 8970.

import { fetchItem } from './item.ts'
import { previewText } from './preview-text.ts'

export default fetchItem({
  names: ['PREVIEW'],
  capability: 'PREVIEW',
  needs: 'summary',
  parse: (p) => p.take(' (LAZY)'),
  write: async (lazy, m, summary) => `PREVIEW ${await previewText(lazy, m, summary)}`,
})
