// PARTIAL: the results from one place to another, counted from the first (`1:500`) or, negative, from the last (`-1:-500`).
// RFC 9394 §3.1; RFC 5267 §4.4.

import type { Parser } from '../../grammar.ts'
import { SequenceSet } from '../../sequence-set.ts'
import { returnItem } from './item.ts'

/** Places counted from one end, `low` ≤ `high`, both included. */
export interface PartialRange { readonly low: number; readonly high: number; readonly fromEnd: boolean }

/** partial-range = nz-number ":" nz-number / "-" nz-number ":-" nz-number */
export function partialRange(p: Parser): PartialRange {
  const fromEnd = p.take('-')
  const one = p.nznumber('a place among the results')
  const other = p.expect(fromEnd ? ':-' : ':').nznumber('a place among the results')
  return { low: Math.min(one, other), high: Math.max(one, other), fromEnd }
}

/** The part of `results` that a range names. */
export function partOf<T>({ low, high, fromEnd }: PartialRange, results: readonly T[]): T[] {
  return fromEnd ? results.slice(Math.max(0, results.length - high), Math.max(0, results.length - low + 1)) : results.slice(low - 1, high)
}

const rangeText = ({ low, high, fromEnd }: PartialRange): string => (fromEnd ? `-${low}:-${high}` : `${low}:${high}`)

export default returnItem({
  name: 'PARTIAL',
  capability: 'PARTIAL',
  parse: (p) => partialRange(p.sp()),
  write(range, results) {
    const part = partOf(range, results)
    return `PARTIAL (${rangeText(range)} ${part.length > 0 ? SequenceSet.of(part) : 'NIL'})`
  },
  saved: (range, results) => partOf(range, results),
})
