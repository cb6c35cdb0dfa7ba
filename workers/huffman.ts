// Huffman codes as deflate has them: given by the lengths of their symbols' codes. RFC 1951 §3.2.2.

/** Codes up to this many bits are looked up at once, longer ones bit by bit: small tables are made quickly, and most of what is read is short. */
const quickBits = 9

export class Code {
  readonly #quick: Uint16Array
  readonly #counts: Uint16Array
  readonly #symbols: Uint16Array

  constructor(lengths: Uint8Array, counts: Uint16Array) {
    this.#counts = counts
    const next = new Uint16Array(17)
    for (let length = 1; length < 16; length++) next[length + 1] = next[length]! + counts[length]!
    this.#symbols = new Uint16Array(next[16]!)
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== 0) this.#symbols[next[lengths[symbol]!]!++] = symbol
    }
    this.#quick = quickTable(counts, this.#symbols)
  }

  /** The symbol of the code that the lowest of `bits` bits begin with, as symbol << 4 | length; undefined: it is not all here, or none. */
  find(hold: number, bits: number): number | undefined {
    const quick = this.#quick[hold & ((1 << quickBits) - 1)]!
    if (quick !== 0) return (quick & 15) <= bits ? quick : undefined
    let code = 0
    let first = 0
    let index = 0
    for (let length = 1; length <= 15 && length <= bits; length++) {
      code |= (hold >> (length - 1)) & 1
      const count = this.#counts[length]!
      if (code < first + count) return this.#symbols[index + code - first]! << 4 | length
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    return undefined
  }
}

/** For each sequence of quickBits: the symbol it begins with, as symbol << 4 | length; 0: a longer one, or none. */
function quickTable(counts: Uint16Array, symbols: Uint16Array): Uint16Array {
  const table = new Uint16Array(1 << quickBits)
  let code = 0
  let index = 0
  for (let length = 1; length <= quickBits; length++) {
    for (let i = 0; i < counts[length]!; i++, code++, index++) {
      for (let at = reversed(code, length); at < table.length; at += 1 << length) table[at] = symbols[index]! << 4 | length
    }
    code <<= 1
  }
  return table
}

/** Codes stand in the stream with their highest bit first. */
function reversed(code: number, length: number): number {
  let bits = 0
  for (let i = 0; i < length; i++) bits |= ((code >> i) & 1) << (length - 1 - i)
  return bits
}

/**
 * The code that `lengths` (0: no such symbol) describe; undefined: they describe none. As zlib, `sparse` lets a set be
 * incomplete that has a single code of one bit, or none at all.
 */
export function codeOf(lengths: Uint8Array, sparse: boolean): Code | undefined {
  const counts = new Uint16Array(16)
  for (const length of lengths) if (length !== 0) counts[length]!++
  let left = 1
  let longest = 0
  for (let length = 1; length < 16; length++) {
    left = 2 * left - counts[length]!
    if (left < 0) return undefined
    if (counts[length] !== 0) longest = length
  }
  if (left > 0 && !(sparse && longest <= 1)) return undefined
  return new Code(lengths, counts)
}

/** RFC 1951 §3.2.6. */
function fixedLengths(): Uint8Array {
  const lengths = new Uint8Array(288)
  return lengths.fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280)
}

export const fixedCodes = { literals: codeOf(fixedLengths(), false)!, distances: codeOf(new Uint8Array(32).fill(5), false)! }
