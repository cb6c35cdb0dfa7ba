// bzip2, read only: mails that Dovecot's zlib plugin has saved so (the format has no specification but its program, bzip2 1.0).
//
// A stream is `BZh`, a digit (its blocks' size in units of 100,000 bytes), blocks, an end. A block, taken apart: Huffman codes
// out of up to six tables, fifty symbols each; runs of the first symbol; move-to-front; the Burrows–Wheeler transform; runs of a byte.
// Randomised blocks, which nothing has written since 1999, are refused. Numbers are read bit by bit, the highest first.

import { Buffer } from 'node:buffer'
import { Stepped } from './stepped.ts'
import type { Steps } from './stepped.ts'

const blockUnit = 100_000
const pieceBytes = 64 * 1024
const symbolsOfSelector = 50
const longestCode = 20

const blockMagic = [0x314159, 0x265359] as const
const endMagic = [0x177245, 0x385090] as const

/** Whether a stream begins so: no header field of a mail does. */
export const isBz2 = (head: Uint8Array): boolean => {
  const view = Buffer.from(head.buffer, head.byteOffset, head.length)
  return head.length >= 10 && /^BZh[1-9]$/.test(view.toString('latin1', 0, 4))
    && [blockMagic, endMagic].some(([first, second]) => view.readUIntBE(4, 3) === first && view.readUIntBE(7, 3) === second)
}

const broken = (what: string): Error => new Error(`bz2: ${what}`)

/** The bits of what comes in pieces. */
class BitInput {
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #bits = 0
  #count = 0

  /** Everything before has been taken. */
  feed(bytes: Uint8Array): void { this.#bytes = bytes; this.#at = 0 }

  /** Whether so many bits (24 at most) are there. */
  has(wanted: number): boolean {
    while (this.#count < wanted && this.#at < this.#bytes.length) {
      this.#bits = this.#bits << 8 | this.#bytes[this.#at++]!
      this.#count += 8
    }
    return this.#count >= wanted
  }

  /** The next bits, which are there. */
  peek(count: number): number { return this.#bits >>> (this.#count - count) & ((1 << count) - 1) }
  skip(count: number): void { this.#count -= count }

  /** Goes on at the next whole byte. */
  align(): void { this.#count -= this.#count % 8 }
}

function* take(input: BitInput, count: number): Steps<number> {
  while (!input.has(count)) yield undefined
  const value = input.peek(count)
  input.skip(count)
  return value
}

/** A Huffman table: of each length of codes the first beyond it (as if it had `longestCode` bits), and where its symbols are. */
interface Table { limits: Int32Array; offsets: Int32Array; symbols: Uint16Array; shortest: number }

function tableOf(lengths: Uint8Array): Table {
  const symbols = new Uint16Array(lengths.length)
  const [limits, offsets] = [new Int32Array(longestCode + 2), new Int32Array(longestCode + 2)]
  let [code, index, shortest] = [0, 0, longestCode]
  for (let length = 1; length <= longestCode; length++) {
    const first = code
    offsets[length] = index - first
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue
      symbols[index++] = symbol
      code++
      shortest = Math.min(shortest, length)
    }
    limits[length] = code
    code <<= 1
  }
  return { limits, offsets, symbols, shortest }
}

/** The symbol whose code comes next; undefined where there are too few bits yet. */
function symbolOf(input: BitInput, { limits, offsets, symbols, shortest }: Table): number | undefined {
  for (let length = shortest; length <= longestCode; length++) {
    if (!input.has(length)) return undefined
    const code = input.peek(length)
    if (code >= limits[length]!) continue
    input.skip(length)
    return symbols[code + offsets[length]!] ?? 0
  }
  throw broken('a code that is none')
}

/** The bytes that a block has at all. */
function* usedBytes(input: BitInput): Steps<number[]> {
  const used: number[] = []
  const groups = yield* take(input, 16)
  for (let group = 0; group < 16; group++) {
    if ((groups & 0x8000 >> group) === 0) continue
    const bits = yield* take(input, 16)
    for (let bit = 0; bit < 16; bit++) if ((bits & 0x8000 >> bit) !== 0) used.push(group * 16 + bit)
  }
  if (used.length === 0) throw broken('a block without bytes')
  return used
}

/** Which table is for which fifty symbols. */
function* selectorsOf(input: BitInput, tables: number): Steps<Uint8Array> {
  const selectors = new Uint8Array(yield* take(input, 15))
  if (selectors.length === 0) throw broken('a block without selectors')
  const front = Array.from({ length: tables }, (_, table) => table)
  for (let n = 0; n < selectors.length; n++) {
    let at = 0
    while ((yield* take(input, 1)) === 1) if (++at >= tables) throw broken('a selector of no table')
    front.unshift(...front.splice(at, 1))
    selectors[n] = front[0]!
  }
  return selectors
}

function* lengthsOf(input: BitInput, symbols: number): Steps<Uint8Array> {
  const lengths = new Uint8Array(symbols)
  let length = yield* take(input, 5)
  for (let symbol = 0; symbol < symbols; symbol++) {
    while ((yield* take(input, 1)) === 1) length += (yield* take(input, 1)) === 0 ? 1 : -1
    if (length < 1 || length > longestCode) throw broken('a code of no length')
    lengths[symbol] = length
  }
  return lengths
}

/** The bytes of a block as they were after the Burrows–Wheeler transform, each in the lowest bits of its number. */
function* transformedOf(input: BitInput, most: number): Steps<Int32Array> {
  const front = yield* usedBytes(input)
  const symbols = front.length + 2
  const count = yield* take(input, 3)
  if (count < 2 || count > 6) throw broken(`${count} tables`)
  const selectors = yield* selectorsOf(input, count)
  const tables: Table[] = []
  for (let n = 0; n < count; n++) tables.push(tableOf(yield* lengthsOf(input, symbols)))
  // Most mails are shorter than a block may be.
  let bytes = new Int32Array(Math.min(most, pieceBytes))
  const room = (count: number): void => {
    if (to + count > most) throw broken('a block that is too long')
    if (to + count <= bytes.length) return
    const larger = new Int32Array(Math.min(most, Math.max(to + count, 2 * bytes.length)))
    larger.set(bytes)
    bytes = larger
  }
  let [to, run, weight] = [0, 0, 1]
  for (let n = 0; ; n++) {
    const table = tables[selectors[Math.floor(n / symbolsOfSelector)] ?? -1]
    if (table === undefined) throw broken('more symbols than selectors')
    let symbol = symbolOf(input, table)
    for (; symbol === undefined; symbol = symbolOf(input, table)) yield undefined
    // Two symbols are the digits of how often the first byte comes, the lowest first, without a zero.
    if (symbol <= 1) {
      run += weight << symbol
      weight <<= 1
      if (run > most) throw broken('a block that is too long')
      continue
    }
    room(run)
    bytes.fill(front[0]!, to, to + run)
    to += run
    run = 0
    weight = 1
    if (symbol === symbols - 1) return bytes.subarray(0, to)
    room(1)
    const [byte] = front.splice(symbol - 1, 1) as [number]
    front.unshift(byte)
    bytes[to++] = byte
  }
}

/** Turns each number into byte + 256 × where the byte before comes from. */
function invert(bytes: Int32Array): void {
  const next = new Int32Array(256)
  for (const byte of bytes) next[byte]!++
  for (let byte = 0, sum = 0; byte < 256; byte++) [next[byte], sum] = [sum, sum + next[byte]!]
  for (let at = 0; at < bytes.length; at++) bytes[next[bytes[at]! & 255]!++]! |= at << 8
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? crc << 1 ^ 0x04c11db7 : crc << 1
  return crc
})

/** A block's own bytes, and (at its end) whether they are those that went into it. */
function* blockOf(input: BitInput, size: number): Steps<void> {
  const wanted = (yield* take(input, 16)) << 16 | (yield* take(input, 16))
  if ((yield* take(input, 1)) === 1) throw broken('a randomised block')
  const origin = yield* take(input, 24)
  const bytes = yield* transformedOf(input, size)
  if (origin >= bytes.length) throw broken('a block that begins nowhere')
  invert(bytes)
  let piece = Buffer.allocUnsafeSlow(pieceBytes)
  let [to, crc, place, last, equal] = [0, -1, bytes[origin]! >>> 8, -1, 0]
  for (let n = 0; n < bytes.length; n++) {
    const found = bytes[place]!
    const byte = found & 255
    place = found >>> 8
    // After four equal bytes comes how many more there are.
    const times = equal === 4 ? byte : 1
    const value = equal === 4 ? last : byte
    equal = equal === 4 ? 0 : byte === last ? equal + 1 : 1
    last = equal === 0 ? -1 : byte
    for (let time = 0; time < times; time++) {
      if (to === pieceBytes) {
        yield piece
        piece = Buffer.allocUnsafeSlow(pieceBytes)
        to = 0
      }
      piece[to++] = value
      crc = crc << 8 ^ crcTable[(crc >>> 24) ^ value]!
    }
  }
  if (~crc !== wanted) throw broken('a block with another checksum')
  if (to > 0) yield piece.subarray(0, to)
}

/** Streams, one behind the other. `between`: called with whether the input may end here. */
function* streams(input: BitInput, between: (may: boolean) => void): Steps<void> {
  for (;;) {
    while (!input.has(8)) yield undefined
    between(false)
    if ((yield* take(input, 24)) !== 0x425a68) throw broken('no header')
    const level = (yield* take(input, 8)) - 0x30
    if (level < 1 || level > 9) throw broken('no header')
    for (;;) {
      const magic = [yield* take(input, 24), yield* take(input, 24)]
      if (magic[0] === endMagic[0] && magic[1] === endMagic[1]) break
      if (magic[0] !== blockMagic[0] || magic[1] !== blockMagic[1]) throw broken('no block')
      yield* blockOf(input, level * blockUnit)
    }
    // The checksum of all blocks: each has its own.
    yield* take(input, 16)
    yield* take(input, 16)
    input.align()
    between(true)
  }
}

/** Decompresses a stream. */
export function bz2Decompressor(): Stepped {
  const input = new BitInput()
  let whole = false
  return new Stepped({
    feed: (bytes) => { input.feed(bytes) },
    steps: streams(input, (may) => { whole = may }),
    unfinished: () => (whole ? undefined : 'bz2: unexpected end'),
  })
}
