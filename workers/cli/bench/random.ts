// Numbers by a seed: the same seed makes the same choices, as far as the answers that they depend on are the same.

/** mulberry32. */
export class Random {
  #state: number

  constructor(seed: number) { this.#state = seed >>> 0 }

  /** 0 ≤ value < 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, 0 ≤ value < `end`. */
  below(end: number): number { return Math.floor(this.next() * end) }

  chance(probability: number): boolean { return this.next() < probability }

  /** One of them; undefined of none. */
  of<T>(items: readonly T[]): T | undefined { return items[this.below(items.length)] }

  /** One of the names, by their weights. */
  weighted(weights: ReadonlyMap<string, number>): string {
    let left = this.next() * [...weights.values()].reduce((sum, weight) => sum + weight, 0)
    for (const [name, weight] of weights) if ((left -= weight) < 0) return name
    return [...weights.keys()][0]!
  }
}
