// One flag of one mail, written by several clients at once and by some that never heard the answer: which values may it
// have? Time is the model's own counter of moments, so that "began after the other was answered" is exact.

interface Write { value: boolean; began: number; ended: number; acknowledged: boolean }

export class Register {
  /** Oldest first; those that a loss of the local disk may bring back are kept. */
  #writes: Write[] = [{ value: false, began: -1, ended: -1, acknowledged: true }]
  #everTrue = false

  /** Writes `value`; the write is under way until `Pending.settle`. */
  begin(value: boolean, now: number): Pending {
    const write: Write = { value, began: now, ended: Infinity, acknowledged: false }
    this.#writes.push(write)
    this.#everTrue ||= value
    return {
      settle: (acknowledged, end) => { write.ended = end; write.acknowledged = acknowledged },
      withdraw: () => { this.#writes = this.#writes.filter((other) => other !== write) },
    }
  }

  /** What it began with is known only now: others have already written to it. */
  beginWith(first: Register): void {
    this.#writes = [...first.#writes, ...this.#writes]
    this.#everTrue ||= first.#everTrue
  }

  /** The value was seen, with nothing under way. */
  observe(value: boolean, now: number): void {
    for (const write of this.#writes) write.ended = Math.min(write.ended, now)
    this.#everTrue ||= value
    this.#writes.push({ value, began: now + 0.5, ended: now + 0.5, acknowledged: true })
  }

  /** Whether it may have this value: that of a write that no acknowledged one has followed, or, after a loss, of any write. */
  allows(value: boolean, afterLoss: boolean): boolean {
    return this.#writes.some((write) => write.value === value && (afterLoss || !this.#superseded(write)))
  }

  /** Whether it may have this value where the bundle is lost too: it need not be set, and may be if it ever was. */
  couldBe(value: boolean): boolean { return !value || this.#everTrue }

  /** All writes up to now are in the store: a loss of the disk brings back none that was superseded. */
  checkpoint(): void { this.#writes = this.#writes.filter((write) => !this.#superseded(write)) }

  /** The same possibilities for a copy that was made between the two moments. */
  copy(began: number, ended: number): Register {
    const copy = new Register()
    for (const write of this.#writes) {
      if (!this.#superseded(write, began)) copy.#writes.push({ value: write.value, began, ended, acknowledged: true })
    }
    copy.#everTrue = this.#everTrue
    return copy
  }

  #superseded(write: Write, before = Infinity): boolean {
    return this.#writes.some((other) => other.acknowledged && other.began > write.ended && other.ended < before)
  }
}

export interface Pending {
  settle(acknowledged: boolean, now: number): void
  /** It was refused, and never was. */
  withdraw(): void
}
