// The structured MIME fields: Content-Type, Content-Disposition, Content-Language. RFC 2045 §5.1, RFC 2183, RFC 3282.
// Values are byte strings. Lenient as mailers need it: parameters without quotes may hold spaces and specials, semicolons may be missing or doubled.

import { trimSpace } from './byte-strings.ts'

/** A value with parameters: `text/plain; charset=utf-8`, `attachment; filename=x`. */
export interface ParameterizedValue {
  /** Lower case, up to the first semicolon: `text/plain`, `attachment`. */
  value: string
  /** Names lower case, values freed of quoting only, in their order; of a repeated name the first. */
  params: [string, string][]
}

/** A media type; undefined for a value that has no `type/subtype`. */
export const parseContentType = (field: string): { type: string; subtype: string; params: [string, string][] } | undefined => {
  const { value, params } = parseParameterized(field)
  const [, type, subtype] = /^([^ \t/()<>@,;:\\"[\]?=]+)[ \t]*\/[ \t]*([^ \t/()<>@,;:\\"[\]?=]+)/.exec(value) ?? []
  return type !== undefined && subtype !== undefined ? { type, subtype, params } : undefined
}

/** A disposition; undefined for an empty value. */
export const parseDisposition = (field: string): { type: string; params: [string, string][] } | undefined => {
  const { value, params } = parseParameterized(field)
  const [type] = /^[^ \t/()<>@,;:\\"[\]?=]+/.exec(value) ?? []
  return type === undefined ? undefined : { type, params }
}

/** Language tags of Content-Language, in their order. */
export const parseLanguages = (field: string): string[] => stripComments(field).split(/[ \t,;]+/).filter((tag) => tag !== '')

/** Content-Transfer-Encoding: the token (some mailers put it in quotes), lower case; `7bit` if it is empty. */
export const parseEncoding = (field: string): string => /^"?([^ \t;,()"]+)/.exec(trimSpace(stripComments(field)))?.[1]!.toLowerCase() ?? '7bit'

/** Splits off the parameters of a structured value. */
export const parseParameterized = (field: string): ParameterizedValue => {
  const reader = new ParamReader(field)
  const value = reader.untilParams()
  const params: [string, string][] = []
  const seen = new Set<string>()
  for (let param = reader.next(); param !== undefined; param = reader.next()) {
    if (seen.has(param[0])) continue
    seen.add(param[0])
    params.push(param)
  }
  return { value, params }
}

/** Leaves out comments, nested ones too; those in quoted strings are none. */
const stripComments = (text: string): string => {
  if (!text.includes('(')) return text
  let out = ''
  let at = 0
  while (at < text.length) {
    const char = text[at]!
    if (char === '(') {
      at = commentEnd(text, at)
      out += ' '
    } else if (char === '"') {
      const end = quotedEnd(text, at)
      out += text.slice(at, end)
      at = end
    } else {
      out += char
      at++
    }
  }
  return out
}

/** Index after the comment that begins at `at`. */
export const commentEnd = (text: string, at: number): number => {
  let depth = 0
  for (; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') at++
    else if (char === '(') depth++
    else if (char === ')' && --depth === 0) return at + 1
  }
  return text.length
}

/** Index after the quoted string that begins at `at`. */
export const quotedEnd = (text: string, at: number): number => {
  for (at++; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') at++
    else if (char === '"') return at + 1
  }
  return text.length
}

/** What a quoted string (with or without its closing quote) says. */
export const unquote = (quoted: string): string => {
  const end = quoted.length > 1 && quoted.endsWith('"') ? quoted.length - 1 : quoted.length
  return quoted.slice(1, end).replace(/\\([^])/g, '$1')
}

class ParamReader {
  readonly #text: string
  #at = 0

  constructor(text: string) { this.#text = text }

  /** The value in front of the parameters, lower case, without comments. */
  untilParams(): string {
    const end = this.#text.indexOf(';')
    let value = end === -1 ? this.#text : this.#text.slice(0, end)
    this.#at = value.length
    // `text/plain charset=utf-8`: the semicolon was forgotten.
    const forgotten = /[ \t][A-Za-z0-9*_-]+[ \t]*=/.exec(value)
    if (forgotten !== null) {
      this.#at = forgotten.index
      value = value.slice(0, forgotten.index)
    }
    return trimSpace(stripComments(value)).toLowerCase()
  }

  /** The next parameter, or undefined at the end. */
  next(): [string, string] | undefined {
    while (this.#skipFiller()) {
      const name = this.#name()
      if (this.#text[this.#at] !== '=') {
        this.#skipJunk()
        continue
      }
      this.#at++
      this.#skipSpace()
      const value = this.#text[this.#at] === '"' ? this.#quoted() : this.#unquoted()
      if (name !== '') return [name, value]
    }
    return undefined
  }

  /** Passes semicolons, white space and comments. False at the end of the text. */
  #skipFiller(): boolean {
    for (;;) {
      this.#skipSpace()
      if (this.#text[this.#at] !== ';') return this.#at < this.#text.length
      this.#at++
    }
  }

  #skipSpace(): void {
    for (;;) {
      const char = this.#text[this.#at]
      if (char === ' ' || char === '\t' || char === '\r' || char === '\n') this.#at++
      else if (char === '(') this.#at = commentEnd(this.#text, this.#at)
      else return
    }
  }

  #name(): string {
    const start = this.#at
    while (this.#at < this.#text.length && !' \t\r\n;=("'.includes(this.#text[this.#at]!)) this.#at++
    const name = this.#text.slice(start, this.#at).toLowerCase()
    this.#skipSpace()
    return name
  }

  /** Passes what is no parameter, at least one character. */
  #skipJunk(): void {
    if (this.#text[this.#at] === '"') this.#at = quotedEnd(this.#text, this.#at)
    else while (this.#at < this.#text.length && !';"'.includes(this.#text[this.#at]!)) this.#at++
  }

  #quoted(): string {
    const start = this.#at
    this.#at = quotedEnd(this.#text, start)
    return unquote(this.#text.slice(start, this.#at))
  }

  /** A token — or, as broken mailers write it, all up to the semicolon; a comment after white space ends it. A comma may stand for the semicolon. */
  #unquoted(): string {
    const start = this.#at
    const stop = /;|[ \t](?:\(|[A-Za-z0-9*_-]+[ \t]*=)/g
    stop.lastIndex = start
    const end = stop.exec(this.#text)
    this.#at = end?.index ?? this.#text.length
    const value = trimSpace(this.#text.slice(start, this.#at))
    return end?.[0].endsWith('=') === true && value.endsWith(',') ? value.slice(0, -1) : value
  }
}
