// SETMETADATA. RFC 5464 §4.3: all entries are set, or none. Shared annotations of the server are nobody's here.

import { limits } from '../../../../runtime/limits.ts'
import { MailError } from '../../../user/errors.ts'
import { No, command, ok } from '../command.ts'
import { latin1, mailbox } from '../encode.ts'
import type { Parser } from '../grammar.ts'
import { entryName, isGiven } from '../metadata.ts'
import { mustHave } from '../rights.ts'

/** entry-value = entry SP (nstring / literal8) */
function entryValue(p: Parser): [string, string | undefined] {
  const entry = entryName(p)
  if (p.sp().take('NIL')) return [entry, undefined]
  return [entry, latin1(p.peek() === '~' ? p.literal(true) : p.stringBytes('a value'))]
}

export default command({
  name: 'SETMETADATA', capability: 'METADATA', offered: (settings) => settings.imap_metadata, states: ['authenticated'], flags: 0,
  parse: (p) => ({ name: p.sp().mailbox(), entries: new Map(p.sp().list(entryValue)) }),
  log: ({ name, entries }) => `${mailbox(name)} ${[...entries.keys()].join(' ')}`,
  async run({ name, entries }, s) {
    if (entries.size > limits.metadataEntries) throw new No('METADATA TOOMANY', 'Too many entries.')
    mustHave([...entries.keys()].some((entry) => entry.startsWith('/shared')) ? 'rw' : 'r', name, s)
    for (const [entry, value] of entries) {
      if (isGiven(name, entry)) throw new No('CANNOT', `${entry} can't be changed.`)
      if (name === '' && entry.startsWith('/shared')) throw new No('NOPERM', `${entry} of the server can't be changed.`)
      if ((value?.length ?? 0) > limits.metadataValueBytes) throw new No(`METADATA MAXSIZE ${limits.metadataValueBytes}`, `The value of ${entry} is too long.`)
    }
    try {
      await s.user.setMetadata(s.context('imap:cmd_setmetadata'), name, entries)
    } catch (error) {
      if (error instanceof MailError && error.code === 'LIMIT') throw new No('METADATA TOOMANY', error.message)
      throw error
    }
    return ok('Setmetadata completed.')
  },
})
