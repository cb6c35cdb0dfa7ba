// A query of the SQL file, with %variables in it → the query of one user, in which every value is a literal and nothing else.
//
// Dovecot escapes values for a place between quotes, and leaves it to the operator that there are some. Here the template is
// read as PostgreSQL reads it: a literal 'with %u in it' becomes one literal, a variable outside of quotes a literal of its
// own; in names, comments and dollar quotes there can be none. Literals and not parameters, because those have other types.

import { expand } from '../../conf/expand.ts'
import type { Variables } from '../../conf/expand.ts'
import { ConfigError, TempFail } from '../../runtime/errors.ts'

/** A value as a literal, whatever standard_conforming_strings says. TempFail: PostgreSQL's texts have no NUL. */
export function literal(value: string): string {
  if (value.includes('\0')) throw new TempFail('a value has a NUL in it')
  const quoted = `'${value.replace(/'/g, "''")}'`
  return value.includes('\\') ? ` E${quoted.replace(/\\/g, '\\\\')}` : quoted
}

type Piece = (variables: Variables) => string

/** `'…'` and E'…', "…", $tag$…$tag$, comments; what is between them is code. */
const pieceForm = /(?<escape>(?<![\w$])[eE])'(?<escaped>(?:\\[\s\S]|''|[^'\\])*)'|'(?<text>(?:''|[^'])*)'|"(?:""|[^"])*"|(?<dollar>\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\k<dollar>|--[^\n]*|\/\*[\s\S]*?\*\//g

export class Query {
  readonly #pieces: Piece[] = []

  /** `sample` has every variable there is. ConfigError: an unknown one, or one in a place where it cannot be a value. */
  constructor(template: string, sample: Variables) {
    let from = 0
    for (const found of template.matchAll(pieceForm)) {
      this.#code(template.slice(from, found.index), sample)
      this.#quoted(found, sample)
      from = found.index + found[0].length
    }
    this.#code(template.slice(from), sample)
    this.for(sample)
  }

  /** The query of one look-up. */
  for(variables: Variables): string { return this.#pieces.map((piece) => piece(variables)).join('') }

  #quoted(found: RegExpExecArray, sample: Variables): void {
    const [whole] = found
    const { escape, escaped, text } = found.groups!
    if (!whole.includes('%')) this.#pieces.push(() => whole)
    else if (escaped !== undefined) {
      if (/%[^%]*\{if;/.test(escaped)) throw new ConfigError(`%{if;…} cannot stand in ${whole}: write it without E`)
      this.#pieces.push((variables) => `${escape}'${expand(escaped, variables, inEscapes)}'`)
    } else if (text !== undefined) {
      const template = text.replace(/''/g, "'")
      this.#pieces.push((variables) => literal(expand(template, variables)))
    } else {
      const fixed = expand(whole, sample, () => '')
      if (fixed !== expand(whole, sample)) throw new ConfigError(`a variable cannot stand in ${whole}`)
      this.#pieces.push(() => fixed)
    }
  }

  #code(text: string, sample: Variables): void {
    if (!text.includes('%')) {
      this.#pieces.push(() => text)
      return
    }
    if (/%[^%]*\{if;/.test(text)) throw new ConfigError('%{if;…} must stand between single quotes')
    const marked = expand(text, sample, () => '\u0001')
    if (/[\w$"'\u0080-\uffff]\u0001|\u0001[\w$"'\u0080-\uffff\u0001]/.test(marked)) throw new ConfigError('a variable cannot be a part of a name; put it between single quotes')
    if (text.includes("'")) throw new ConfigError('a quote is not closed')
    this.#pieces.push((variables) => expand(text, variables, literal))
  }
}

const inEscapes = (value: string): string => {
  if (value.includes('\0')) throw new TempFail('a value has a NUL in it')
  return value.replace(/\\/g, '\\\\').replace(/'/g, "''")
}
