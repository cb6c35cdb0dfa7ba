// The bytes of a header or a body as the texts that a search looks through.

import { limits } from '../../runtime/limits.ts'
import type { MimePart } from './types.ts'
import { byteString, concatBytes, copyBytes } from './byte-strings.ts'
import { charsetDecoder } from './charset.ts'
import type { CharsetDecoder } from './charset.ts'
import { decodeEncodedWords } from './encoded-words.ts'
import { headerFields, rawFieldValue } from './headers.ts'
import { paramValue } from './parameters.ts'
import { transferDecoder } from './transfer-encoding.ts'
import type { TransferDecoder } from './transfer-encoding.ts'
import { UndeclaredDecoder } from './undeclared-charset.ts'

/** Takes bytes, gives pieces of text in order; undefined: here one text ends and another begins. */
export interface SearchableText {
  push(bytes: Uint8Array): readonly (string | undefined)[]
  finish(): readonly (string | undefined)[]
}

/** A body, its transfer encoding and charset undone; of an unknown encoding as it is. */
export class BodyText implements SearchableText {
  readonly #transfer: TransferDecoder
  readonly #charset: CharsetDecoder

  constructor(part: MimePart) {
    this.#transfer = transferDecoder(part.encoding) ?? transferDecoder('binary')!
    this.#charset = decoderOf(paramValue(part.params, 'charset'))
  }

  push(bytes: Uint8Array): string[] { return [this.#charset.push(this.#transfer.push(bytes))] }

  finish(): string[] { return [this.#charset.push(this.#transfer.finish()), this.#charset.finish()] }
}

/** Mail that says us-ascii and is not, is rather UTF-8 than the windows-1252 that TextDecoder takes it for. */
const decoderOf = (charset: string | undefined): CharsetDecoder => {
  if (charset === undefined || charset.toLowerCase() === 'us-ascii') return new UndeclaredDecoder()
  return charsetDecoder(charset) ?? new UndeclaredDecoder()
}

/** A header: each field a text, `Name: value`, unfolded and decoded. A field beyond limits.mimeFieldBytes becomes several. */
export class HeaderText implements SearchableText {
  #pieces: Uint8Array[] = []
  #bytes = 0

  push(bytes: Uint8Array): (string | undefined)[] {
    if (bytes.length > 0) this.#pieces.push(copyBytes(bytes))
    this.#bytes += bytes.length
    return this.#bytes >= limits.mimeFieldBytes ? this.#take(false) : []
  }

  finish(): (string | undefined)[] { return this.#take(true) }

  /** The whole fields collected; unless it is the `last` time, one that may go on is kept. */
  #take(last: boolean): (string | undefined)[] {
    const block = concatBytes(this.#pieces)
    this.#pieces = []
    this.#bytes = 0
    const texts: (string | undefined)[] = []
    let taken = 0
    for (const { name, raw } of headerFields(block)) {
      taken += raw.length
      if (!last && taken === block.length && raw.length < limits.mimeFieldBytes) {
        this.#pieces = [raw]
        this.#bytes = raw.length
        break
      }
      texts.push(decodeEncodedWords(name === '' ? byteString(raw) : `${name}: ${rawFieldValue(raw)}`), undefined)
    }
    return texts
  }
}
