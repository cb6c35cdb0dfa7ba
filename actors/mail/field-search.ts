// Looking for a text in the header fields of one name: SEARCH SUBJECT, FROM, HEADER … RFC 3501 §6.4.4. Encoded words are decoded, letter
// case does not matter (i;unicode-casemap); the empty text asks whether there is such a field.
// Addresses are found as the envelope gives them too, without comments and folding.

import { parseAddressList } from './address.ts'
import { byteString, bytesOf } from './byte-strings.ts'
import { casemap } from './casemap.ts'
import { decodeEncodedWords } from './encoded-words.ts'
import { eachField, unfold, valueStart } from './headers.ts'
import { includesKey, isPlain, trimmedEnd, trimmedStart } from './plain-value.ts'
import type { Address } from './types.ts'

/** A comment, a quoted pair, or space within an address: only then can an address differ from what is written. */
const writtenOddly = /[(\\]|\s[.@]|[.@]\s/

/** An address as the envelope has it, without quotes; groups are names alone. */
const plain = ({ name = '', mailbox = '', host }: Address): string => (host === undefined ? mailbox : `${name} <${mailbox}@${host}>`)

export class FieldSearch {
  readonly #name: string
  readonly #ofAddresses: boolean
  readonly #key: string
  /** undefined: a plain value cannot hold it. */
  readonly #bytes: Uint8Array | undefined

  /** `name`: of the fields, lower case. */
  constructor(name: string, text: string, ofAddresses: boolean) {
    this.#name = name
    this.#ofAddresses = ofAddresses
    this.#key = casemap(text)
    this.#bytes = /^[\x20-\x7e]*$/.test(this.#key) ? bytesOf(this.#key) : undefined
  }

  /** Whether any such field of a header block has the text. */
  finds(block: Uint8Array): boolean {
    let found = false
    eachField(block, (start, end) => {
      if (found) return
      const value = valueStart(block, start, end, this.#name)
      if (value >= 0) found = this.#isIn(block, value, end)
    })
    return found
  }

  #isIn(block: Uint8Array, start: number, end: number): boolean {
    const from = trimmedStart(block, start, end)
    const to = trimmedEnd(block, from, end)
    if (isPlain(block, from, to)) {
      if (this.#bytes !== undefined && includesKey(block, from, to, this.#bytes)) return true
      if (!this.#ofAddresses || !mayBeOdd(block, from, to)) return false
    }
    return this.#isInText(unfold(byteString(block.subarray(start, end))))
  }

  #isInText(value: string): boolean {
    const has = (text: string): boolean => casemap(decodeEncodedWords(text)).includes(this.#key)
    return has(value) || (this.#ofAddresses && writtenOddly.test(value) && has(parseAddressList(value).map(plain).join(', ')))
  }
}

/** Whether a plain value may be written oddly. */
function mayBeOdd(block: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = block[at]!
    if (byte === 40 || byte === 92) return true
    if ((byte === 46 || byte === 64) && (block[at - 1] === 32 || block[at + 1] === 32)) return true
  }
  return false
}
