// Answers in the making, as the bytes that go to the wire: for those of which thousands are made at a time.

import { Buffer } from 'node:buffer'

export class AnswerBytes {
  #bytes: Buffer
  #capacity: number
  length = 0
  /** How many of them are literals' bytes: what has been given of a message. */
  literalBytes = 0

  /** `capacity`: bytes that it mostly will hold. */
  constructor(capacity: number) {
    this.#capacity = capacity
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
  }

  /** Latin-1. */
  text(text: string): void {
    this.#need(text.length)
    const bytes = this.#bytes
    if (text.length > 32) this.length += bytes.write(text, this.length, 'latin1')
    else for (let i = 0; i < text.length; i++) bytes[this.length++] = text.charCodeAt(i)
  }

  byte(byte: number): void {
    this.#need(1)
    this.#bytes[this.length++] = byte
  }

  /** Bytes [start, end) of `source`. */
  copy(source: Uint8Array, start: number, end: number): void {
    this.#need(end - start)
    const bytes = this.#bytes
    let at = this.length
    if (end - start > 128) bytes.set(source.subarray(start, end), at)
    else for (let from = start; from < end; from++) bytes[at++] = source[from]!
    this.length += end - start
  }

  /**
   * A literal of pieces of `source`, one after the other: [start, end) as pairs of numbers; and `tail` (Latin-1) behind them. It holds no NUL
   * (RFC 3501 §9 CHAR8): one is sent as 0x80.
   */
  literal(source: Uint8Array, places: readonly number[], tail = ''): void {
    let size = tail.length
    for (let i = 0; i < places.length; i += 2) size += places[i + 1]! - places[i]!
    this.text(`{${size}}\r\n`)
    this.#need(size)
    const bytes = this.#bytes
    let at = this.length
    for (let i = 0; i < places.length; i += 2) {
      for (let from = places[i]!; from < places[i + 1]!; from++) bytes[at++] = source[from]! || 0x80
    }
    this.length = at
    this.text(tail)
    this.literalBytes += size
  }

  /** Once more what has been written from `start` to `end`. */
  repeat(start: number, end: number): void {
    this.#need(end - start)
    this.#bytes.copyWithin(this.length, start, end)
    this.length += end - start
  }

  at(index: number): number { return this.#bytes[index]! }

  /** Takes back what was written behind the first `length` bytes. */
  cut(length: number): void { this.length = length }

  /** Everything, as bytes of its own; afterwards there is nothing. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.length)
    this.#bytes = Buffer.allocUnsafeSlow(this.#capacity)
    this.length = 0
    return taken
  }

  #need(count: number): void {
    if (this.length + count <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.length + count))
    larger.set(this.#bytes.subarray(0, this.length))
    this.#bytes = larger
  }
}
