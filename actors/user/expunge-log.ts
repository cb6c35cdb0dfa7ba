// Which UIDs have been expunged since when: what VANISHED (EARLIER) is answered from (RFC 7162 §3.2.5, §3.2.6). Part of the
// mailbox's state, so that it outlives restarts and goes along in the bundle.
//
// Kept: the latest ranges of UIDs with the modseq at which they went, as rows of three arrays. Beyond the bound the oldest
// are forgotten, all of one modseq together; about times before that there is no answer, and the asker compares lists.

/** Both ends included. */
export interface UidRange { readonly first: number; readonly last: number }

export class ExpungeLog {
  readonly #most: number
  #modseqs: number[] = []
  #firsts: number[] = []
  #lasts: number[] = []
  /** Everything expunged after this modseq is here. */
  #floor = 0

  /** `most`: ranges kept. */
  constructor(most: number) { this.#most = most }

  get floor(): number { return this.#floor }
  get count(): number { return this.#modseqs.length }

  /** Notes ranges (ascending, apart) that went at this modseq, which is not below any noted before. */
  add(modseq: number, ranges: Iterable<UidRange>): void {
    for (const { first, last } of ranges) {
      this.#modseqs.push(modseq)
      this.#firsts.push(first)
      this.#lasts.push(last)
    }
    // Some more than one, so that not every expunge of a full log moves all of it.
    if (this.count > this.#most) this.forget(this.#modseqs[this.count - Math.ceil(this.#most * 3 / 4)]!)
  }

  /** Nothing is known any more of what went up to this modseq. */
  forget(modseq: number): void {
    this.#floor = Math.max(this.#floor, modseq)
    const kept = this.#after(this.#floor)
    this.#modseqs = this.#modseqs.slice(kept)
    this.#firsts = this.#firsts.slice(kept)
    this.#lasts = this.#lasts.slice(kept)
  }

  /** The UIDs expunged after `modseq`, in ascending ranges that lie apart; undefined if that is too long ago. */
  since(modseq: number): UidRange[] | undefined {
    if (modseq < this.#floor) return undefined
    const ranges: UidRange[] = []
    for (let at = this.#after(modseq); at < this.count; at++) ranges.push({ first: this.#firsts[at]!, last: this.#lasts[at]! })
    return joined(ranges)
  }

  /** The largest UID of which that is known; 0: of none. */
  get last(): number { return this.#lasts.reduce((most, last) => Math.max(most, last), 0) }

  /** Every row, oldest first. */
  *rows(): Generator<UidRange & { modseq: number }> {
    for (let at = 0; at < this.count; at++) yield { modseq: this.#modseqs[at]!, first: this.#firsts[at]!, last: this.#lasts[at]! }
  }

  /** Index of the first row later than `modseq`. */
  #after(modseq: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#modseqs[middle]! <= modseq) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Ascending UIDs as ranges. */
export function rangesOf(uids: Iterable<number>): UidRange[] {
  const ranges: { first: number; last: number }[] = []
  for (const uid of uids) {
    const open = ranges.at(-1)
    if (open !== undefined && open.last + 1 === uid) open.last = uid
    else ranges.push({ first: uid, last: uid })
  }
  return ranges
}

function joined(ranges: readonly UidRange[]): UidRange[] {
  const merged: { first: number; last: number }[] = []
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const open = merged.at(-1)
    if (open !== undefined && range.first <= open.last + 1) open.last = Math.max(open.last, range.last)
    else merged.push({ ...range })
  }
  return merged
}
