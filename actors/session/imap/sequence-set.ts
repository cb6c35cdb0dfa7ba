// A set of message numbers as a client writes it: `1,3:5,7:*`, or `$`. RFC 3501 §9 sequence-set, RFC 5182.
// Ranges stay pairs: `1:4294967295` costs as little as `1`.

/** Stands for `*`: above every number a client can write. */
export const Star = 2 ** 32

/** Both ends included, `first` ≤ `last` once resolved. */
export interface NumberRange { readonly first: number; readonly last: number }

export class SequenceSet {
  /** In the client's order and spelling: `5:1` is kept so, `Star` where `*` was written. */
  readonly ranges: readonly NumberRange[]
  /** `$`: the messages that the view keeps from a search, instead of ranges. RFC 5182 §2.1. */
  readonly saved: boolean

  constructor(ranges: readonly NumberRange[], saved = false) {
    this.ranges = ranges
    this.saved = saved
  }

  /** From ascending numbers; neighbours become a range. */
  static of(numbers: readonly number[]): SequenceSet {
    const ranges: { first: number; last: number }[] = []
    for (const n of numbers) {
      const open = ranges[ranges.length - 1]
      if (open !== undefined && open.last + 1 === n) open.last = n
      else ranges.push({ first: n, last: n })
    }
    return new SequenceSet(ranges)
  }

  /**
   * Ascending ranges that neither touch nor overlap, with `*` = `largest` (the highest number in use, 0 for an empty
   * mailbox). `n:*` with n > largest means `largest:n`, so it holds at least the last message (RFC 3501 §6.4.8).
   */
  resolve(largest: number): NumberRange[] {
    const value = (n: number): number => (n === Star ? largest : n)
    const sorted = this.ranges
      .map(({ first, last }) => ({ first: Math.min(value(first), value(last)), last: Math.max(value(first), value(last)) }))
      .sort((a, b) => a.first - b.first)
    const merged: { first: number; last: number }[] = []
    for (const range of sorted) {
      const open = merged[merged.length - 1]
      if (open !== undefined && range.first <= open.last + 1) open.last = Math.max(open.last, range.last)
      else merged.push(range)
    }
    return merged
  }

  /** Whether `n` is in the set, with `*` = `largest`. */
  has(n: number, largest: number): boolean {
    return this.ranges.some(({ first, last }) => {
      const a = first === Star ? largest : first
      const b = last === Star ? largest : last
      return a <= b ? n >= a && n <= b : n >= b && n <= a
    })
  }

  /** As it goes over the wire. */
  toString(): string {
    if (this.saved) return '$'
    const name = (n: number): string => (n === Star ? '*' : String(n))
    return this.ranges.map(({ first, last }) => (first === last ? name(first) : `${name(first)}:${name(last)}`)).join(',')
  }
}
