// The client's bytes, waiting to be read as command lines or as message content. Lines end in CRLF; a bare LF is tolerated
// for commands (and only for them: see dots.ts).

import { Buffer } from 'node:buffer'
import { limits } from '../../../runtime/limits.ts'

const none = Buffer.alloc(0)
/** A buffer that has grown beyond this is given back when it is empty. */
const keptBytes = 16 * 1024

export class Input {
  /** (Asking a Buffer where a byte is costs half as much as asking a plain Uint8Array.) */
  #buffer: Buffer = none
  #start = 0
  #end = 0
  /** Up to here no LF has been found. */
  #scanned = 0
  #skipping = false

  /** Bytes not read yet. */
  get size(): number { return this.#end - this.#start }

  /** Adds a copy of `bytes`. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length)
    this.#buffer.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /**
   * The next line without its end, as a view that holds until the next call of any method. `incomplete`: more bytes are
   * needed. `too-long`: said once; the rest of that line is skipped.
   */
  line(maxBytes: number = limits.lmtpLineBytes): Uint8Array | 'incomplete' | 'too-long' {
    for (;;) {
      const found = this.#buffer.subarray(0, this.#end).indexOf(0x0a, Math.max(this.#scanned, this.#start))
      if (found < 0) return this.#unfinished(maxBytes)
      const line = this.#buffer.subarray(this.#start, this.#buffer[found - 1] === 0x0d && found > this.#start ? found - 1 : found)
      this.drop(found + 1 - this.#start)
      if (this.#skipping) {
        this.#skipping = false
        continue
      }
      return line.length > maxBytes ? 'too-long' : line
    }
  }

  /** At most `maxBytes` of the next bytes, as a view that holds until the next `push`; they stay until they are dropped. */
  peek(maxBytes: number = Infinity): Uint8Array {
    return this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + maxBytes))
  }

  drop(bytes: number): void {
    this.#start += bytes
    this.#scanned = this.#start
  }

  #unfinished(maxBytes: number): 'incomplete' | 'too-long' {
    this.#scanned = this.#end
    if (!this.#skipping && this.size <= maxBytes) return 'incomplete'
    const first = !this.#skipping
    this.#skipping = true
    this.drop(this.size)
    return first ? 'too-long' : 'incomplete'
  }

  #makeRoom(bytes: number): void {
    const { size } = this
    const needed = size + bytes
    const reuse = needed <= this.#buffer.length && (size > 0 || this.#buffer.length <= keptBytes)
    const target = reuse ? this.#buffer : Buffer.allocUnsafeSlow(Math.max(1024, needed, size > 0 ? 2 * size : 0))
    if (reuse) target.copyWithin(0, this.#start, this.#end)
    else target.set(this.#buffer.subarray(this.#start, this.#end))
    this.#buffer = target
    this.#scanned = Math.max(0, this.#scanned - this.#start)
    this.#start = 0
    this.#end = size
  }
}
