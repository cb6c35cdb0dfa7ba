// `zlib:METHOD:LEVEL:…` — mail bodies, as the zlib plugin keeps them: new ones compressed by METHOD (`zlib_save`; empty: as
// they come), all read whatever they are. The user actor puts this layer before `obox_fs`; nobody writes it in a file.
//
// Rules:
// - An object's metadata `size` stays the mail's own (storage/compressed-store.ts).
// - Reading decompresses with or without the plugin: a site that stops to use it still has its mails.
// - Where `obox_fs` begins with `fscache:`, that comes first (fs/stack.ts): the cache holds what clients read. Clients that
//   download in pieces then cost a read of the disk each, and not the decompression of everything before; the price is
//   room: text takes two or three times as much, attachments a third more.
// - What a client has compressed itself is a mail like any other: it is compressed once more, or told by its size.

import { ConfigError } from '../../runtime/errors.ts'
import { codecs, unsupported } from '../storage/codecs.ts'
import { CompressedStore } from '../storage/compressed-store.ts'
import type { Compression } from '../storage/compressed-store.ts'
import { wrapper } from '../storage/driver.ts'
import { argument } from '../storage/wrapping.ts'

const form = 'zlib:METHOD:LEVEL:…, for example zlib:gz:6:s3:https://…'

// The messages are those of Dovecot's zlib plugin.
const parse = (text: string): { options: Compression; rest: string } => {
  const method = argument('zlib', form, text)
  const level = argument('zlib', form, method.rest)
  const codec = codecs.get(method.value)
  if (!codec && method.value !== '') {
    throw new ConfigError(`zlib_save: ${unsupported.has(method.value) ? 'Support not compiled in for handler' : 'Unknown handler'}: ${method.value}`)
  }
  const { min, max, usual } = codec?.levels ?? { min: 0, max: 999, usual: 0 }
  const number = level.value === '' ? usual : Number(level.value)
  if (!/^\d{0,3}$/.test(level.value) || number < min || number > max) throw new ConfigError(`zlib_save_level: Level must be between ${min}..${max}`)
  return { options: { codec, level: number, plain: true }, rest: level.rest }
}

export default wrapper({
  name: 'zlib',
  form,
  parse,
  open: (options: Compression, parent, world) => new CompressedStore(parent, options, world),
})
