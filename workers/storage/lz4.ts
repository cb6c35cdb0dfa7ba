// LZ4 as Dovecot's zlib plugin has written it (iostream-lz4.h): a magic, how long a chunk may be when it is decompressed, then
// chunks, each its compressed length (both numbers four bytes, big-endian) and an LZ4 block of its own (lz4_Block_format.md).
// Read only: mails that were saved so are there for ever, new ones have better formats.

import { Buffer } from 'node:buffer'
import { Stepped } from './stepped.ts'
import type { Steps, SteppedWork } from './stepped.ts'

const magic = Buffer.from('Dovecot-LZ4\r\x2a\x9b\xc5', 'latin1')
const headerBytes = magic.length + 4
/** The longest chunk that Dovecot reads, compressed or not; it writes 64 KiB. */
const chunkBytes = 1024 * 1024

export const isLz4 = (head: Uint8Array): boolean => magic.equals(head.subarray(0, magic.length))

/** Decompresses a stream. */
export const lz4Decompressor = (): Stepped => new Stepped(new Chunks())

class Chunks implements SteppedWork {
  readonly steps = this.#steps()
  #rest: Uint8Array = new Uint8Array(0)
  /** Of a chunk, decompressed; 0: the header has not come yet. */
  #most = 0

  feed(bytes: Uint8Array): void { this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]) }

  unfinished(): string | undefined { return this.#most > 0 && this.#rest.length === 0 ? undefined : 'unexpected end of lz4' }

  *#steps(): Steps<void> {
    for (;;) {
      const chunk = this.#next()
      yield chunk && decodeBlock(chunk, this.#most)
    }
  }

  /** The next whole chunk. */
  #next(): Uint8Array | undefined {
    if (this.#most === 0) {
      if (this.#rest.length < headerBytes) return undefined
      this.#most = numberAt(this.#rest, magic.length)
      if (!isLz4(this.#rest) || this.#most === 0 || this.#most > chunkBytes) throw new Error('no valid lz4 header')
      this.#rest = this.#rest.subarray(headerBytes)
    }
    if (this.#rest.length < 4) return undefined
    const length = numberAt(this.#rest, 0)
    if (length === 0 || length > chunkBytes) throw new Error(`an lz4 chunk of ${length} bytes`)
    if (this.#rest.length < 4 + length) return undefined
    const chunk = this.#rest.subarray(4, 4 + length)
    this.#rest = this.#rest.subarray(4 + length)
    return chunk
  }
}

const numberAt = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)

/** An LZ4 block, of at most `most` bytes when it is decompressed. */
export function decodeBlock(block: Uint8Array, most: number): Uint8Array {
  const plain = Buffer.allocUnsafe(most)
  let [from, to] = [0, 0]
  /** A length of which four bits were in the token; 15 means that there is more. */
  const lengthOf = (bits: number): number => {
    let length = bits
    for (let more = bits === 15 ? 255 : 0; more === 255; length += more) {
      if (from >= block.length) throw new Error('corrupted lz4 chunk')
      more = block[from++]!
    }
    return length
  }
  while (from < block.length) {
    const token = block[from++]!
    const literals = lengthOf(token >>> 4)
    if (from + literals > block.length || to + literals > most) throw new Error('corrupted lz4 chunk')
    plain.set(block.subarray(from, from + literals), to)
    from += literals
    to += literals
    // The last sequence is literals alone.
    if (from === block.length) break
    const distance = block[from]! | (block[from + 1] ?? 0) << 8
    from += 2
    const length = lengthOf(token & 15) + 4
    if (distance === 0 || distance > to || to + length > most) throw new Error('corrupted lz4 chunk')
    if (distance >= length) plain.copyWithin(to, to - distance, to - distance + length)
    // It may repeat what it has just made.
    else for (let n = 0; n < length; n++) plain[to + n] = plain[to + n - distance]!
    to += length
  }
  return plain.subarray(0, to)
}
