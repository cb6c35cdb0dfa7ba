// UTF-7, RFC 2152: ASCII as it is, anything else as UTF-16BE in base64 between `+` and `-` (or any other character).

import { base64Value } from './base64-alphabet.ts'

const PLUS = 43
const MINUS = 45

/** A streaming decoder; see CharsetDecoder. */
export class Utf7Decoder {
  #shifted = false
  /** No base64 since the `+`: `+-` means a plus. */
  #empty = false
  #bits = 0
  #bitCount = 0

  push(bytes: Uint8Array): string {
    let text = ''
    for (const byte of bytes) text += this.#shifted ? this.#inBase64(byte) : this.#direct(byte)
    return text
  }

  finish(): string {
    this.#shifted = false
    return ''
  }

  #direct(byte: number): string {
    if (byte !== PLUS) return byte < 0x80 ? String.fromCharCode(byte) : '\ufffd'
    this.#shifted = true
    this.#empty = true
    this.#bits = 0
    this.#bitCount = 0
    return ''
  }

  #inBase64(byte: number): string {
    const value = base64Value[byte]!
    if (value >= 64) {
      this.#shifted = false
      if (byte === MINUS) return this.#empty ? '+' : ''
      return this.#direct(byte)
    }
    this.#empty = false
    this.#bits = (this.#bits << 6 | value) & 0x3fffff
    this.#bitCount += 6
    if (this.#bitCount < 16) return ''
    this.#bitCount -= 16
    return String.fromCharCode(this.#bits >> this.#bitCount & 0xffff)
  }
}
