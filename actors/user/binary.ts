// How numbers and texts lie in our local files and bundles: little-endian, lengths as LEB128 varints, texts as UTF-8.

import { Buffer } from 'node:buffer'

/** Writes values one after the other; grows by doubling. */
export class ByteWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 256) { this.#bytes = Buffer.allocUnsafe(capacity) }

  get length(): number { return this.#length }

  u8(value: number): this { const at = this.#room(1); this.#bytes[at] = value; return this }
  u32(value: number): this { const at = this.#room(4); this.#bytes.writeUInt32LE(value >>> 0, at); return this }
  f64(value: number): this { const at = this.#room(8); this.#bytes.writeDoubleLE(value, at); return this }

  /** A whole number ≥ 0, up to 2^53. */
  varint(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    return this.u8(rest)
  }

  text(value: string): this {
    const size = Buffer.byteLength(value)
    this.varint(size)
    const at = this.#room(size)
    this.#bytes.write(value, at, 'utf8')
    return this
  }

  texts(values: readonly string[]): this {
    this.varint(values.length)
    for (const value of values) this.text(value)
    return this
  }

  /** As they are, without their length. */
  bytes(value: Uint8Array): this { const at = this.#room(value.length); this.#bytes.set(value, at); return this }

  /** Ascending numbers, as runs: what a whole mailbox was told takes three bytes. */
  ascending(values: readonly number[]): this {
    const runs: [gap: number, length: number][] = []
    let next = 0
    for (const value of values) {
      const last = runs.at(-1)
      if (last !== undefined && value === next) last[1]++
      else runs.push([value - next, 1])
      next = value + 1
    }
    this.varint(runs.length)
    for (const [gap, length] of runs) this.varint(gap).varint(length)
    return this
  }

  /** What was written, as bytes of its own. */
  finish(): Uint8Array { return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length) }

  /** Makes room and answers where it begins. */
  #room(size: number): number {
    const at = this.#length
    this.#length = at + size
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
    }
    return at
  }
}

/** Reads what ByteWriter wrote. Throws RangeError at the end of the bytes: its callers have checked a checksum before. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) { this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) }

  get done(): boolean { return this.#at >= this.#bytes.length }

  u8(): number { return this.#bytes.readUInt8(this.#take(1)) }
  u32(): number { return this.#bytes.readUInt32LE(this.#take(4)) }
  f64(): number { return this.#bytes.readDoubleLE(this.#take(8)) }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  text(): string {
    const size = this.varint()
    const at = this.#take(size)
    return this.#bytes.toString('utf8', at, at + size)
  }

  texts(): string[] { return Array.from({ length: this.varint() }, () => this.text()) }

  /** The next bytes, as a copy of their own. */
  bytes(size: number): Uint8Array {
    const at = this.#take(size)
    return Uint8Array.prototype.slice.call(this.#bytes, at, at + size)
  }

  ascending(): number[] {
    const values: number[] = []
    let next = 0
    for (let runs = this.varint(); runs > 0; runs--) {
      next += this.varint()
      for (let length = this.varint(); length > 0; length--) values.push(next++)
    }
    return values
  }

  #take(size: number): number {
    const at = this.#at
    if (at + size > this.#bytes.length) throw new RangeError('the bytes end too early')
    this.#at = at + size
    return at
  }
}
