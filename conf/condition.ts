// %{if;a;operator;b;then;else}

import { ConfigError } from '../runtime/errors.ts'

/** A mask with `*` and `?` as an expression. */
const mask = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')

const expression = (pattern: string): RegExp => {
  try {
    return new RegExp(pattern)
  } catch {
    throw new ConfigError(`'${pattern}' is not a regular expression`)
  }
}

const bothNumbers = (a: string, b: string, test: (a: number, b: number) => boolean): boolean => {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) throw new ConfigError(`'${a}' and '${b}' are not both numbers (eq, lt … compare text)`)
  return test(Number(a), Number(b))
}

const operators: Record<string, (a: string, b: string) => boolean> = {
  '==': (a, b) => bothNumbers(a, b, (x, y) => x === y),
  '!=': (a, b) => bothNumbers(a, b, (x, y) => x !== y),
  '<': (a, b) => bothNumbers(a, b, (x, y) => x < y),
  '<=': (a, b) => bothNumbers(a, b, (x, y) => x <= y),
  '>': (a, b) => bothNumbers(a, b, (x, y) => x > y),
  '>=': (a, b) => bothNumbers(a, b, (x, y) => x >= y),
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  '*': (a, b) => mask(b).test(a),
  '!*': (a, b) => !mask(b).test(a),
  '~': (a, b) => expression(b).test(a),
  '!~': (a, b) => !expression(b).test(a),
}

/**
 * The part of `text` (what stands after `if;`) that holds, not expanded yet. Each operand is expanded by itself, so that a
 * value cannot become syntax.
 */
export const condition = (text: string, expand: (part: string) => string): string => {
  const parts = split(text)
  const [a, name, b, yes, no = ''] = parts
  if (a === undefined || name === undefined || b === undefined || yes === undefined || parts.length > 5)
    throw new ConfigError(`%{if;${text}} must be %{if;value;operator;value;then;else}`)
  const operator = operators[name]
  if (operator === undefined) throw new ConfigError(`unknown operator '${name}' in %{if;…} (known: ${Object.keys(operators).join(' ')})`)
  return operator(expand(a), expand(b)) ? yes : no
}

/** Splits at `;` outside inner braces; a backslash takes the next character as it is. */
const split = (text: string): string[] => {
  const parts = ['']
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (char === '{') depth++
    if (char === '}') depth--
    if (char === ';' && depth === 0) parts.push('')
    else if (char === '\\' && depth === 0 && i + 1 < text.length) parts[parts.length - 1] += text[++i]!
    else parts[parts.length - 1] += char
  }
  return parts
}
