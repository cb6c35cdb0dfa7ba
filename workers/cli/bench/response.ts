// What a server says, as far as a load generator must understand it. RFC 3501 §7.

/** A response: its lines without CRLF, and between them the literals. */
export interface Response { readonly parts: readonly (string | Buffer)[] }

/** An atom or quoted string, a literal, a list. */
export type Value = string | Buffer | readonly Value[]

/** All of it as text, literals left out. */
export const textOf = ({ parts }: Response): string => parts.map((part) => (typeof part === 'string' ? part : '')).join('')

/** The items of a FETCH response, by upper-case name. Throws where it is not well formed. */
export function fetchItems({ parts }: Response): Map<string, Value> {
  const reader = new ValueReader(parts, String(parts[0]).indexOf('('))
  const list = reader.value()
  if (!Array.isArray(list) || list.length % 2 !== 0) throw new Error('FETCH response without a list of pairs')
  const items = new Map<string, Value>()
  for (let i = 0; i < list.length; i += 2) items.set(String(list[i]).toUpperCase(), list[i + 1]!)
  return items
}

/** The numbers of `1:3,5`. */
export function numbersOf(set: string): number[] {
  const numbers: number[] = []
  for (const range of set.split(',')) {
    const [first = NaN, last = first] = range.split(':').map(Number)
    if (!(first >= 1 && last >= first && last - first < 1_000_000)) throw new Error(`not a set of numbers: ${set.slice(0, 80)}`)
    for (let n = first; n <= last; n++) numbers.push(n)
  }
  return numbers
}

class ValueReader {
  readonly #parts: readonly (string | Buffer)[]
  #part = 0
  #at: number

  constructor(parts: readonly (string | Buffer)[], at: number) {
    this.#parts = parts
    this.#at = at
  }

  value(): Value {
    const first = this.#peek()
    if (first === '(') return this.#list()
    if (first === '"') return this.#quoted()
    if (first === '{') return this.#literal()
    return this.#atom()
  }

  get #text(): string { return String(this.#parts[this.#part]) }

  #peek(): string {
    while (this.#text[this.#at] === ' ') this.#at++
    const found = this.#text[this.#at]
    if (found === undefined) throw new Error('the response ends too early')
    return found
  }

  #list(): Value[] {
    this.#at++
    const values: Value[] = []
    while (this.#peek() !== ')') values.push(this.value())
    this.#at++
    return values
  }

  #quoted(): string {
    const [whole] = /^"(?:[^"\\]|\\.)*"/.exec(this.#text.slice(this.#at)) ?? []
    if (whole === undefined) throw new Error('a quoted string without an end')
    this.#at += whole.length
    return whole.slice(1, -1).replace(/\\(.)/g, '$1')
  }

  #literal(): Buffer {
    const literal = this.#parts[this.#part + 1]
    if (!(literal instanceof Buffer)) throw new Error('a literal that is not there')
    this.#part += 2
    this.#at = 0
    return literal
  }

  /** `BODY[HEADER.FIELDS (X)]` is one. */
  #atom(): string {
    const [whole] = /^(?:[^\s()[\]"{}]|\[[^\]]*\])+/.exec(this.#text.slice(this.#at)) ?? []
    if (whole === undefined) throw new Error(`unexpected ${JSON.stringify(this.#text.slice(this.#at, this.#at + 20))}`)
    this.#at += whole.length
    return whole
  }
}
