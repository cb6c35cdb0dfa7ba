// What a result option of SEARCH or SORT is: one value in one file of this folder. RFC 4731 §3.1, RFC 5267, RFC 9394.
//
// Results are numbers in the order of the answer: ascending for SEARCH, sorted for SORT (RFC 5267 §3: there MIN is the first and
// MAX the last).

import type { Parser } from '../../grammar.ts'

export interface ReturnItem<Arguments> {
  /** As the client says it, upper case. */
  readonly name: string
  /** What CAPABILITY shows because of it. */
  readonly capability?: string | readonly string[]
  /** SORT does not have it. */
  readonly searchOnly?: boolean
  /** What stands behind the name. Throws ParseError. */
  parse(p: Parser): Arguments
  /** Its piece of the response, name included; undefined where it has nothing to say. */
  write(args: Arguments, results: readonly number[]): string | undefined
  /** The results that SAVE keeps because this option was asked for too. RFC 5182 §2.4. */
  saved(args: Arguments, results: readonly number[]): readonly number[]
}

/** Any option: its arguments are known to itself alone. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyReturnItem = ReturnItem<any>

/** Declares a result option; infers the type of its arguments. */
export function returnItem<Arguments>(declaration: ReturnItem<Arguments>): ReturnItem<Arguments> {
  return declaration
}
