// RETURN (METADATA ("/private/comment" …)). RFC 9590.

import { MailError } from '../../../user/errors.ts'
import { annotationsOf, entryNames, metadataResponse } from '../metadata.ts'
import { has } from '../rights.ts'
import { listReturnOption } from './option.ts'

export default listReturnOption({
  name: 'METADATA', capability: 'LIST-METADATA', offered: (settings) => settings.imap_metadata,
  parse: (p) => entryNames(p.sp()),
  async response(entries, { name }, s) {
    if (!has('r', name, s)) return undefined
    try {
      const kept = annotationsOf(name, s)
      return metadataResponse(name, entries.map((entry) => [entry, kept.get(entry)]), s)
    } catch (error) {
      // Deleted while the others were told.
      if (error instanceof MailError) return undefined
      throw error
    }
  },
})
