// The lexical tokens of address fields: atoms, quoted strings, domain literals, comments, specials. RFC 5322 §3.2.
// Whatever is unfinished ends with the text.

import { trimSpace } from './byte-strings.ts'
import { commentEnd, quotedEnd, unquote } from './content-fields.ts'

export interface AddressToken {
  kind: 'word' | 'literal' | 'comment' | 'special'
  /** Without quotes and escapes; a domain literal with its brackets; a comment without its parentheses. */
  text: string
  /** White space or a comment stood in front of it. */
  spaced: boolean
}

const specials = '<>@,;:.'

/** All tokens of an unfolded value, in order. */
export const addressTokens = (value: string): AddressToken[] => {
  const tokens: AddressToken[] = []
  let spaced = false
  let at = 0
  const take = (kind: AddressToken['kind'], text: string, end: number): void => {
    tokens.push({ kind, text, spaced })
    spaced = kind === 'comment'
    at = end
  }
  while (at < value.length) {
    const char = value[at]!
    if (isWhite(char)) {
      spaced = true
      at++
    } else if (char === '"') {
      const end = quotedEnd(value, at)
      take('word', unquote(value.slice(at, end)), end)
    } else if (char === '(') {
      const end = commentEnd(value, at)
      take('comment', commentText(value.slice(at, end)), end)
    } else if (char === '[') {
      const end = literalEnd(value, at)
      take('literal', value.slice(at, end), end)
    } else if (specials.includes(char)) take('special', char, at + 1)
    else {
      const end = atomEnd(value, at)
      take('word', value.slice(at, end), end)
    }
  }
  return tokens
}

const isWhite = (char: string): boolean => char === ' ' || char === '\t' || char === '\r' || char === '\n'

/** At least one character: also what cannot stand in an atom (`)`, `]`, `\`) is taken as if it could. */
const atomEnd = (value: string, at: number): number => {
  at++
  while (at < value.length && !isWhite(value[at]!) && !specials.includes(value[at]!) && !'"(['.includes(value[at]!)) at++
  return at
}

/** Index after the bracket that closes the literal, or of the separator before which it should have been. */
const literalEnd = (value: string, at: number): number => {
  const stop = /[\],;<>]/g
  stop.lastIndex = at
  const found = stop.exec(value)
  if (found === null) return value.length
  return found[0] === ']' ? found.index + 1 : found.index
}

const commentText = (comment: string): string =>
  trimSpace(comment.slice(1, comment.endsWith(')') ? -1 : undefined).replace(/\\([^])/g, '$1'))
