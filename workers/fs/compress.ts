// `compress:METHOD:LEVEL:…` — objects are compressed on their way to the parent. Reading goes by the magic of what is
// there, so the method can be changed; content that is not compressed is read with `maybe-METHOD` only.
// The rules of sizes and ranges: storage/compressed-store.ts.

import { ConfigError } from '../../runtime/errors.ts'
import { codecs, unsupported } from '../storage/codecs.ts'
import type { Codec } from '../storage/codecs.ts'
import { CompressedStore } from '../storage/compressed-store.ts'
import type { Compression } from '../storage/compressed-store.ts'
import { wrapper } from '../storage/driver.ts'

// The messages are those of Dovecot's fs-compress.
const parse = (text: string): { options: Compression; rest: string } => {
  const first = text.indexOf(':')
  if (first < 0) throw new ConfigError('compress: Compression method not given as parameter')
  const second = text.indexOf(':', first + 1)
  if (second < 0 || second === text.length - 1) throw new ConfigError('compress: Parent filesystem not given as parameter')
  const plain = text.startsWith('maybe-')
  const method = text.slice(plain ? 'maybe-'.length : 0, first)
  const codec = codecs.get(method)
  if (!codec) throw new ConfigError(`compress: Compression method '${method}' ${unsupported.has(method) ? 'not supported' : 'unknown'}`)
  return { options: { codec, level: levelOf(codec, text.slice(first + 1, second)), plain }, rest: text.slice(second + 1) }
}

const levelOf = ({ levels }: Codec, text: string): number => {
  if (text === '') return levels.usual
  if (!/^\d{1,3}$/.test(text)) throw new ConfigError(`compress: Invalid compression level parameter '${text}'`)
  const level = Number(text)
  if (level < levels.min || level > levels.max) {
    throw new ConfigError(`compress: Invalid compression level parameter '${text}': Level must be between ${levels.min}..${levels.max}`)
  }
  return level
}

export default wrapper({
  name: 'compress',
  form: 'compress:METHOD:LEVEL:…, for example compress:gz:6:…',
  parse,
  open: (options: Compression, parent, world) => new CompressedStore(parent, options, world),
})
