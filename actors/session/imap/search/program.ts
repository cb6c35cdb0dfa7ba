// The whole of what a SEARCH asks: `["CHARSET" SP astring SP] search-key *(SP search-key)`. RFC 3501 §6.4.4, §9 search.

import { decodeCharset, isKnownCharset } from '../../../mail/charset.ts'
import { decodeUndeclared } from '../../../mail/undeclared-charset.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { Parser } from '../grammar.ts'
import { No } from '../result.ts'
import { all as allKeys } from './index.ts'
import type { Criterion, KeyParser, Matcher, SearchKey } from './key.ts'
import { bySequence } from './sets.ts'

const byName = new Map<string, SearchKey>(allKeys.flatMap((key) => key.names.map((name) => [name, key] as const)))

/** Throws ParseError. The matcher of a program in a charset that nobody knows throws No BADCHARSET. */
export function parseProgram(p: Parser): Criterion {
  return p.take('CHARSET ') ? inCharset(p, false) : new ProgramParser(p, decodeUndeclared).program()
}

/** charset SP search-key *(SP search-key): what SORT and THREAD ask. RFC 5256 §3. */
export const parseProgramInCharset = (p: Parser): Criterion => inCharset(p, true)

function inCharset(p: Parser, must: boolean): Criterion {
  const charset = p.astring('a charset')
  p.sp()
  const said = { name: charset.toUpperCase(), must }
  if (isKnownCharset(charset)) return { ...new ProgramParser(p, (bytes) => decodeCharset(charset, bytes)!).program(), charset: said }
  // Only what can be parsed is refused by NO: with SAVE that makes a difference (RFC 5182 §2.1).
  new ProgramParser(p, decodeUndeclared).keys()
  return { charset: said, matcher() { throw new No('BADCHARSET (US-ASCII UTF-8)', 'Unknown charset') } }
}

class ProgramParser implements KeyParser {
  readonly p: Parser
  readonly #decode: (bytes: Uint8Array) => string
  #depth = 0
  #modseq = false
  #sequences = false
  #numbered = false

  constructor(p: Parser, decode: (bytes: Uint8Array) => string) {
    this.p = p
    this.#decode = decode
  }

  program(): Criterion {
    const criterion = this.keys()
    return { ...criterion, modseq: this.#modseq, sequences: this.#sequences, numbered: this.#numbered }
  }

  /** search-key *(SP search-key): all of them. */
  keys(): Criterion {
    const criteria = [this.#one()]
    // A space at the end of the command is forgiven.
    while (this.p.more()) criteria.push(this.#one())
    return criteria.length === 1 ? criteria[0]! : everyOne(criteria)
  }

  key(): Criterion {
    this.p.sp()
    return this.#one()
  }

  asksModseq(): void { this.#modseq = true }

  text(): string { return this.#decode(this.p.sp().astringBytes('a text to search')) }

  #one(): Criterion {
    const { p } = this
    if (++this.#depth > limits.searchNesting) p.fail('Too deep nesting of search keys')
    const criterion = /^[\d*$]$/.test(p.peek()) ? this.#numbers() : p.peek() === '(' ? this.#list() : this.#named()
    this.#depth--
    return criterion
  }

  #numbers(): Criterion {
    this.#sequences = true
    const set = this.p.sequenceSet()
    this.#numbered ||= !set.saved
    return bySequence(set)
  }

  #list(): Criterion {
    this.p.open()
    const criterion = this.keys()
    this.p.close()
    return criterion
  }

  #named(): Criterion {
    const name = this.p.name()
    const key = byName.get(name)
    if (!key) return this.p.fail(name === '' ? 'Expected a search key' : `Unknown argument ${name}`)
    return key.parse(this, name)
  }
}

const everyOne = (criteria: readonly Criterion[]): Criterion => ({
  matcher(view, now, then): Matcher {
    const matchers = criteria.map((criterion) => criterion.matcher(view, now, then))
    return (m) => {
      let result: boolean | undefined = true
      for (const matches of matchers) {
        const one = matches(m)
        if (one === false) return false
        if (one === undefined) result = undefined
      }
      return result
    }
  },
})
