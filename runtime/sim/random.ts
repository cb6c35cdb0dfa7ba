// The simulator's dice: sfc32 (Chris Doty-Humphrey's "small fast counter" generator, 128 bits of state), seeded through
// splitmix32 from an integer and a name. Named forks keep the streams apart: what a process draws changes nothing for the
// faults, so that a failing seed stays failing while one looks at it.

import type { Random } from '../effects.ts'

export class SimRandom implements Random {
  readonly #seed: number
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number, name = '') {
    let state = seed >>> 0
    for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193) >>> 0
    this.#seed = state
    const split = (): number => {
      state = (state + 0x9e3779b9) >>> 0
      let z = state
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return (z ^ (z >>> 15)) >>> 0
    }
    this.#a = split()
    this.#b = split()
    this.#c = split()
    for (let i = 0; i < 12; i++) this.word()
  }

  /** A generator of its own for `name`; the same seed and name give the same stream. */
  fork(name: string): SimRandom { return new SimRandom(this.#seed, `/${name}`) }

  /** 32 random bits as an unsigned integer. */
  word(): number {
    const t = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t | 0
    return t >>> 0
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    for (let i = 0; i < count; i++) bytes[i] = this.word() & 0xff
    return bytes
  }

  /** Integer in [0, bound). The bias of the multiplication is far below what any test here could see. */
  below(bound: number): number { return Math.floor(this.fraction() * bound) }

  /** In [0, 1). */
  fraction(): number { return this.word() / 0x1_0000_0000 }

  /** True with this probability. */
  chance(probability: number): boolean { return this.fraction() < probability }

  /** Integer in [low, high]. */
  between(low: number, high: number): number { return low + this.below(high - low + 1) }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[this.below(items.length)] as T
  }
}
