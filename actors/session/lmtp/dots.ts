// The content of DATA: dot-unstuffing, and its end. RFC 5321 §4.5.2, §4.1.1.4.
//
// Only CRLF "." CRLF ends it. A "." between bare LFs or CRs is content, or else one mail could hide another one from the
// server before us ("SMTP smuggling").

import type { Buffer } from 'node:buffer'
import { bufferOf } from '../../mail/byte-strings.ts'

const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e
const none = new Uint8Array(0)
const lineAndDot = '\r\n.'
const crOnly = Uint8Array.of(CR)

/** One piece: `used` bytes of the input were read and gave `content` (a view of the input); `done`: the end was among them. */
export interface DotPiece { content: Uint8Array; used: number; done: boolean }

export class DotReader {
  /** `line`: a line begins · `text`: within one · `dot`, `dot-cr`: "." and ".CR" at the beginning of a line are held back. */
  #state: 'line' | 'text' | 'dot' | 'dot-cr' = 'line'
  /** The byte before the input was a CR (in `text`). */
  #afterCr = false

  /** Reads from `bytes` (not empty) as far as the content is contiguous. What is not used is to be given again. */
  read(bytes: Uint8Array): DotPiece {
    const buffer = bufferOf(bytes)
    let at = 0
    if (this.#state === 'dot') {
      if (bytes[0] === CR) {
        this.#state = 'dot-cr'
        return { content: none, used: 1, done: false }
      }
      this.#enterText(false)
    } else if (this.#state === 'dot-cr') {
      if (bytes[0] === LF) return { content: none, used: 1, done: true }
      this.#enterText(true)
      return { content: crOnly, used: 0, done: false }
    }
    while (at < bytes.length) {
      if (this.#state === 'line') {
        if (bytes[at] === DOT) {
          this.#state = 'dot'
          return { content: bytes.subarray(0, at), used: at + 1, done: false }
        }
        this.#enterText(false)
      }
      at = this.#nextLine(buffer, at)
    }
    return { content: bytes, used: bytes.length, done: false }
  }

  #enterText(afterCr: boolean): void {
    this.#state = 'text'
    this.#afterCr = afterCr
  }

  /** The place after the next CRLF from `at` on that a dot follows, or the end of `bytes`. */
  #nextLine(bytes: Buffer, at: number): number {
    const { length } = bytes
    if (at === 0 && this.#afterCr && bytes[0] === LF) {
      this.#state = 'line'
      return 1
    }
    const found = bytes.indexOf(lineAndDot, at, 'latin1')
    if (found >= 0 || (bytes[length - 2] === CR && bytes[length - 1] === LF)) this.#state = 'line'
    else this.#afterCr = bytes[length - 1] === CR
    return found < 0 ? length : found + 2
  }
}
