// Bytes → base64 in lines of 76 characters, piece by piece. RFC 2045 §6.8.

import { Buffer } from 'node:buffer'
import { concatBytes } from './byte-strings.ts'

/** Bytes of one line. */
const lineBytes = 57

export class Base64Lines {
  #rest: Uint8Array = new Uint8Array(0)

  /** The lines that are whole, each with its CRLF. */
  push(bytes: Uint8Array): Uint8Array {
    const all = concatBytes([this.#rest, bytes])
    const whole = all.length - all.length % lineBytes
    this.#rest = all.subarray(whole)
    return encoded(all.subarray(0, whole))
  }

  /** The last line, if there is more. */
  finish(): Uint8Array { return encoded(this.#rest) }
}

const encoded = (bytes: Uint8Array): Uint8Array =>
  Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64').replace(/.{1,76}/g, '$&\r\n'), 'latin1')
