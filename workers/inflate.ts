// Raw deflate, decoded as far as it has come (RFC 1951): what a client with COMPRESS sends.
//
// - It can stop and go on at any bit, and gives out no more than it is asked for: a few bytes that stand for megabytes wait
//   here until the session has room.
// - Of an idle stream only the last 32 KiB of text are kept, and `park` packs those. A zlib stream cannot be put away like that:
//   it does not tell whether it stands between two blocks.
// - A step (a block's head, a symbol) that finds too few bits is taken again when more have come.

import zlib from 'node:zlib'
import { codeOf, fixedCodes } from './huffman.ts'
import type { Code } from './huffman.ts'

/** What has come is no deflate stream. */
export class NotDeflated extends Error {
  override readonly name = 'NotDeflated'
}

/** How far back a copy may reach. */
const windowBytes = 32 * 1024
/** The longest copy. */
const longest = 258
/** The window is slid when this much of it can go. */
const slideBytes = 16 * 1024
const empty = new Uint8Array(0)
/** Too few bits are here. */
const starved = -1

const lengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
const distanceBase = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
]
const distanceBits = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13]
/** The order in which the code lengths' own code lengths stand. RFC 1951 §3.2.7. */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

type Block = { kind: 'head' } | { kind: 'stored'; left: number } | { kind: 'codes'; literals: Code; distances: Code }
const head: Block = { kind: 'head' }

export class Inflater {
  #input: Uint8Array = empty
  #at = 0
  /** Bits taken from #input and not used: the lowest comes first. */
  #hold = 0
  #bits = 0
  #block: Block = head
  #final = false
  /** The text up to here was flushed: an empty stored block stands behind it. */
  #flushed = false
  /** Text: the last windowBytes before #end can be copied from; from #from on it has not been given out. */
  #text: Uint8Array = empty
  #from = 0
  #end = 0
  /** The window, put away. */
  #packed: Uint8Array | undefined
  /** Thrown when all before it has been given out. */
  #broken: NotDeflated | undefined

  /** The stream has come to its own end: what follows means nothing. */
  get ended(): boolean { return this.#final && this.#block.kind === 'head' }

  /** Bytes that are kept: text, what has come and is not used, and the window put away. */
  get memory(): number { return this.#text.buffer.byteLength + this.#input.buffer.byteLength + (this.#packed?.buffer.byteLength ?? 0) }

  /**
   * What has come and is no text, where the stream may be left: between two blocks, at a whole byte, with all text given out.
   * Undefined elsewhere.
   */
  unused(): Uint8Array | undefined {
    if (this.#broken !== undefined || this.#block.kind !== 'head' || (!this.#final && (this.#bits & 7) !== 0)) return undefined
    const held: number[] = []
    for (let bits = this.#bits & 7; bits < this.#bits; bits += 8) held.push((this.#hold >>> bits) & 255)
    return Uint8Array.of(...held, ...this.#input.subarray(this.#at))
  }

  /** Takes more of the stream; the bytes are the inflater's to keep. */
  push(bytes: Uint8Array): void {
    const rest = this.#input.subarray(this.#at)
    this.#at = 0
    if (rest.length === 0) {
      this.#input = bytes
      return
    }
    this.#input = new Uint8Array(rest.length + bytes.length)
    this.#input.set(rest)
    this.#input.set(bytes, rest.length)
  }

  /** The next piece of text, about `most` bytes at most, never beyond a flush, the caller's to keep; undefined: more of the stream is needed. NotDeflated. */
  read(most: number): Uint8Array | undefined {
    this.#unpack()
    this.#from = this.#end
    if (this.#broken === undefined) this.#advance(most)
    else throw this.#broken
    // What is left belongs to one step, and is small; the buffer it lies in may be large.
    if (this.#at > 0) this.#input = this.#at === this.#input.length ? empty : this.#end - this.#from < most ? new Uint8Array(this.#input.subarray(this.#at)) : this.#input.subarray(this.#at)
    this.#at = 0
    return this.#end > this.#from ? new Uint8Array(this.#text.subarray(this.#from, this.#end)) : undefined
  }

  /** What stands before a mistake in the stream is good. */
  #advance(most: number): void {
    try {
      this.#flushed = false
      while (this.#end - this.#from < most && !this.ended && !(this.#flushed && this.#end > this.#from) && this.#step()) { /* one after another */ }
    } catch (error) {
      if (!(error instanceof NotDeflated) || this.#end === this.#from) throw error
      this.#broken = error
    }
  }

  /** Puts the window away as small as it will go. */
  park(): void {
    if (this.#packed !== undefined || this.#end === 0) return
    const window = this.#text.subarray(Math.max(0, this.#end - windowBytes), this.#end)
    const packed = zlib.deflateRawSync(window)
    this.#packed = new Uint8Array(packed) // alone in its buffer
    this.#text = empty
    this.#from = this.#end = 0
  }

  #unpack(): void {
    if (this.#packed === undefined) return
    this.#text = zlib.inflateRawSync(this.#packed, { maxOutputLength: windowBytes })
    this.#end = this.#text.length
    this.#packed = undefined
  }

  /** One step of the stream. False: it needs bits that are not here; nothing of it is used up. */
  #step(): boolean {
    const { kind } = this.#block
    const at = this.#at
    const hold = this.#hold
    const bits = this.#bits
    if (this.#text.length - this.#end < longest) this.#makeRoom()
    const done = kind === 'codes' ? this.#symbol(this.#block as Block & { kind: 'codes' }) : kind === 'stored' ? this.#stored(this.#block as Block & { kind: 'stored' }) : this.#head()
    if (!done) {
      this.#at = at
      this.#hold = hold
      this.#bits = bits
    }
    return done
  }

  #head(): boolean {
    const first = this.#take(3)
    if (first === starved) return false
    const next = this.#blockOf(first >> 1)
    if (next === undefined) return false
    this.#final = (first & 1) === 1
    this.#block = next
    return true
  }

  #blockOf(type: number): Block | undefined {
    if (type === 0) return this.#storedHead()
    if (type === 1) return { kind: 'codes', ...fixedCodes }
    if (type === 2) return this.#codes()
    throw new NotDeflated('invalid block type')
  }

  #storedHead(): Block | undefined {
    this.#take(this.#bits & 7)
    const length = this.#take(16)
    const check = length === starved ? starved : this.#take(16)
    if (check === starved) return undefined
    if (length !== (check ^ 0xffff)) throw new NotDeflated('invalid stored block lengths')
    if (length > 0) return { kind: 'stored', left: length }
    this.#flushed = true
    return head
  }

  /** Behind a stored block's head whole bytes stand in the input and in #hold. */
  #stored(block: Block & { kind: 'stored' }): boolean {
    let length = 0
    if (this.#bits > 0) {
      this.#text[this.#end++] = this.#take(8)
      length = 1
    } else {
      length = Math.min(block.left, this.#input.length - this.#at, longest)
      if (length === 0) return false
      this.#text.set(this.#input.subarray(this.#at, this.#at + length), this.#end)
      this.#at += length
      this.#end += length
    }
    block.left -= length
    if (block.left === 0) this.#block = head
    return true
  }

  /** The codes of a dynamic block. RFC 1951 §3.2.7. */
  #codes(): Block | undefined {
    const counts = this.#take(14)
    if (counts === starved) return undefined
    const literals = (counts & 31) + 257
    const distances = ((counts >> 5) & 31) + 1
    if (literals > 286 || distances > 30) throw new NotDeflated('too many length or distance symbols')
    const own = new Uint8Array(19)
    for (let i = 0; i < (counts >> 10) + 4; i++) {
      const length = this.#take(3)
      if (length === starved) return undefined
      own[lengthOrder[i]!] = length
    }
    const lengths = this.#lengths(mustCode(codeOf(own, false), 'code lengths'), literals + distances)
    if (lengths === undefined) return undefined
    if (lengths[256] === 0) throw new NotDeflated('missing end-of-block')
    return {
      kind: 'codes',
      literals: mustCode(codeOf(lengths.subarray(0, literals), true), 'literal/lengths'),
      distances: mustCode(codeOf(lengths.subarray(literals), true), 'distances'),
    }
  }

  /** `count` code lengths, written in `code`. */
  #lengths(code: Code, count: number): Uint8Array | undefined {
    const lengths = new Uint8Array(count)
    for (let i = 0; i < count;) {
      const symbol = this.#decode(code)
      if (symbol === starved) return undefined
      if (symbol < 16) {
        lengths[i++] = symbol
        continue
      }
      const extra = this.#take(symbol === 16 ? 2 : symbol === 17 ? 3 : 7)
      if (extra === starved) return undefined
      const times = extra + (symbol === 18 ? 11 : 3)
      if (i + times > count || (symbol === 16 && i === 0)) throw new NotDeflated('invalid bit length repeat')
      if (symbol === 16) lengths.fill(lengths[i - 1]!, i, i + times)
      i += times
    }
    return lengths
  }

  /** A character, a copy, or the end of the block. */
  #symbol(block: Block & { kind: 'codes' }): boolean {
    const symbol = this.#decode(block.literals)
    if (symbol === starved) return false
    if (symbol < 256) {
      this.#text[this.#end++] = symbol
      return true
    }
    if (symbol === 256) {
      this.#block = head
      return true
    }
    const extra = this.#take(lengthBits[symbol - 257] ?? fail('invalid literal/length code'))
    if (extra === starved) return false
    const code = this.#decode(block.distances)
    if (code === starved) return false
    const more = this.#take(distanceBits[code] ?? fail('invalid distance code'))
    if (more === starved) return false
    this.#copy(distanceBase[code]! + more, lengthBase[symbol - 257]! + extra)
    return true
  }

  #copy(distance: number, length: number): void {
    if (distance > this.#end) throw new NotDeflated('invalid distance too far back')
    const text = this.#text
    const from = this.#end - distance
    if (distance >= length) text.copyWithin(this.#end, from, from + length)
    else for (let i = 0; i < length; i++) text[this.#end + i] = text[from + i]! // it repeats itself
    this.#end += length
  }

  /** The next `count` (at most 16) bits. */
  #take(count: number): number {
    while (this.#bits < count) if (!this.#load()) return starved
    const value = this.#hold & ((1 << count) - 1)
    this.#drop(count)
    return value
  }

  #decode(code: Code): number {
    while (this.#bits < 15 && this.#load()) { /* as many as a code can have */ }
    const found = code.find(this.#hold, this.#bits)
    if (found === undefined) {
      if (this.#bits >= 15) throw new NotDeflated('invalid code')
      return starved
    }
    this.#drop(found & 15)
    return found >> 4
  }

  #load(): boolean {
    if (this.#at === this.#input.length) return false
    this.#hold |= this.#input[this.#at++]! << this.#bits
    this.#bits += 8
    return true
  }

  #drop(count: number): void {
    this.#hold >>>= count
    this.#bits -= count
  }

  /** Room for a copy: by letting go of text that nobody can refer to any more, or by twice the room. */
  #makeRoom(): void {
    const begin = Math.min(this.#from, Math.max(0, this.#end - windowBytes))
    const length = this.#end - begin
    const text = begin >= slideBytes ? this.#text : new Uint8Array(Math.max(2 * length, length + 2 * longest))
    text.set(this.#text.subarray(begin, this.#end))
    this.#text = text
    this.#from -= begin
    this.#end = length
  }
}

function fail(why: string): never {
  throw new NotDeflated(why)
}

const mustCode = (code: Code | undefined, of: string): Code => code ?? fail(`invalid ${of} set`)
