// Search filters (RFC 4515): text → what goes over the wire, and what makes a user's input harmless in such a text.
// (The parser of ldapts takes neither attribute options nor OIDs, and reads \c3\bc as two characters.)

import { Buffer, isUtf8 } from 'node:buffer'
import {
  AndFilter, ApproximateFilter, EqualityFilter, ExtensibleFilter, GreaterThanEqualsFilter, LessThanEqualsFilter, NotFilter, OrFilter,
  PresenceFilter, SubstringFilter,
} from 'ldapts'
import type { Filter } from 'ldapts'
import { ConfigError } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'

/** A value as it must be written in a filter to stand for itself (RFC 4515 §3). */
export const escapeFilterValue = (value: string): string =>
  value.replace(/[*()\\\0]/g, (char) => `\\${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** Parses a filter; the outermost parentheses may be missing, blanks may stand between parentheses. ConfigError: it is none. */
export function parseFilter(text: string): Filter {
  const trimmed = text.trim()
  const reader = new FilterReader(trimmed.startsWith('(') ? trimmed : `(${trimmed})`)
  return reader.whole()
}

/** `attribute;option` or an OID, possibly nothing before `:rule:=`. */
const itemForm = /([\w.-]+(?:;[\w-]+)*)?(?:(=|~=|>=|<=)|(:dn)?(?::([\w.-]+))?:=)([^()]*)/iy

class FilterReader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) { this.#text = text }

  whole(): Filter {
    const filter = this.#filter()
    if (this.#at < this.#text.length) this.#fail(`'${this.#text.slice(this.#at)}' is too much`)
    return filter
  }

  #filter(): Filter {
    if (++this.#depth > limits.ldapFilterDepth) this.#fail('it is nested too deeply')
    this.#expect('(')
    const filter = this.#component()
    this.#expect(')')
    this.#depth--
    return filter
  }

  #component(): Filter {
    switch (this.#text[this.#at]) {
      case '&': return new AndFilter({ filters: this.#list() })
      case '|': return new OrFilter({ filters: this.#list() })
      case '!':
        this.#at++
        return new NotFilter({ filter: this.#filter() })
      default: return this.#item()
    }
  }

  #list(): Filter[] {
    this.#at++
    const filters: Filter[] = []
    do {
      filters.push(this.#filter())
      this.#skipBlanks()
    } while (this.#text[this.#at] === '(')
    return filters
  }

  #item(): Filter {
    itemForm.lastIndex = this.#at
    const [all, attribute = '', operator, dn, rule, value = ''] = itemForm.exec(this.#text) ?? []
    if (all === undefined || (attribute === '' && rule === undefined)) return this.#fail(`expected attribute=value at '${this.#text.slice(this.#at)}'`)
    this.#at += all.length
    switch (operator) {
      case '=': return this.#equality(attribute, value)
      case '~=': return new ApproximateFilter({ attribute, value: this.#characters(value) })
      case '>=': return new GreaterThanEqualsFilter({ attribute, value: this.#characters(value) })
      case '<=': return new LessThanEqualsFilter({ attribute, value: this.#characters(value) })
      default:
        return new ExtensibleFilter({ matchType: attribute, dnAttributes: dn !== undefined, value: this.#characters(value), ...(rule === undefined ? {} : { rule }) })
    }
  }

  #equality(attribute: string, value: string): Filter {
    if (value === '*') return new PresenceFilter({ attribute })
    const [initial = '', ...rest] = value.split('*')
    if (rest.length === 0) {
      const bytes = this.#bytes(value)
      return new EqualityFilter({ attribute, value: isUtf8(bytes) ? bytes.toString('utf8') : bytes })
    }
    const final = rest.pop() ?? ''
    const any = rest.filter((part) => part !== '').map((part) => this.#characters(part))
    return new SubstringFilter({ attribute, initial: this.#characters(initial), any, final: this.#characters(final) })
  }

  /** A value whose bytes must be UTF-8: only in equality matches can ldapts send others. */
  #characters(value: string): string {
    const bytes = this.#bytes(value)
    if (!isUtf8(bytes)) this.#fail(`'${value}' is not UTF-8`)
    return bytes.toString('utf8')
  }

  #bytes(value: string): Buffer {
    const parts: Buffer[] = []
    let from = 0
    for (let at = value.indexOf('\\'); at >= 0; at = value.indexOf('\\', from)) {
      const hex = value.slice(at + 1, at + 3)
      if (!/^[0-9a-f]{2}$/i.test(hex)) this.#fail(`'\\' stands before two hexadecimal digits only`)
      parts.push(Buffer.from(value.slice(from, at), 'utf8'), Buffer.from(hex, 'hex'))
      from = at + 3
    }
    return Buffer.concat([...parts, Buffer.from(value.slice(from), 'utf8')])
  }

  #expect(char: string): void {
    this.#skipBlanks()
    if (this.#text[this.#at] !== char) this.#fail(`'${char}' is missing`)
    this.#at++
    if (char === '(') this.#skipBlanks()
  }

  #skipBlanks(): void {
    while (this.#text[this.#at] === ' ') this.#at++
  }

  #fail(reason: string): never { throw new ConfigError(`not an LDAP filter: ${reason} (in ${this.#text})`) }
}
