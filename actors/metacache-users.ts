// The users of whom the metacache knows, and what all of them take together.

import type { KnownUser } from './metacache-userdb.ts'
import { weightOf } from './metacache-weights.ts'
import type { Weights } from './metacache-weights.ts'
import { noSpace } from './user/local-space.ts'
import type { LocalSpace } from './user/local-space.ts'

export interface Entry extends KnownUser {
  /** It is in memory. */
  open: boolean
  /** Not to be evicted before (monotonic ms): it could not be. */
  evictAfter: number
  /** When its worker last spoke of it (monotonic ms). */
  told: number
}

export class MetacacheUsers extends Map<string, Entry> {
  #all: LocalSpace = { ...noSpace }

  /** What all of them take. */
  get space(): LocalSpace { return this.#all }

  override set(user: string, entry: Entry): this {
    this.#count(this.get(user)?.space, -1)
    this.#count(entry.space, 1)
    return super.set(user, entry)
  }

  override delete(user: string): boolean {
    this.#count(this.get(user)?.space, -1)
    return super.delete(user)
  }

  /** What a user weighs (metacache-weights.ts). `most`: metacache_max_space. */
  weightOf({ lastUsed, space }: Entry, weights: Weights, most: number): number { return weightOf(weights, lastUsed, space, this.#all, most) }

  #count(space: LocalSpace | undefined, by: 1 | -1): void {
    if (space === undefined) return
    this.#all = { root: this.#all.root + by * space.root, inbox: this.#all.inbox + by * space.inbox, other: this.#all.other + by * space.other }
  }
}
