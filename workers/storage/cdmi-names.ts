// Listings out of CDMI containers (CDMI 1.0.2 §9.4). A container tells its children's names only, one level at a time and
// in no order; so a container is read whole before its first key is told, and what was read serves the pages that follow.

import type { ListOptions } from '../../runtime/effects.ts'
import { LimitExceeded } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { compareKeys, isBefore } from './keys.ts'

/** The names of a container's children; `[]` where it does not exist. `''`, or ends in '/'. */
export type ReadChildren = (container: string) => Promise<string[]>

/** Remembers the names of containers for a short while. */
export class ChildrenCache {
  readonly #now: () => number
  readonly #held = new Map<string, { names: string[]; at: number }>()
  #names = 0

  constructor(now: () => number) { this.#now = now }

  /** What `read` has said of `container` within the last seconds, or says now. `fresh`: now. */
  async children(container: string, read: ReadChildren, fresh: boolean): Promise<string[]> {
    const held = this.#held.get(container)
    if (held && !fresh && this.#now() - held.at < limits.cdmiChildrenMs) return held.names
    const names = (await read(container)).sort(compareKeys)
    if (names.length > limits.cdmiChildren) throw new LimitExceeded('cdmiChildren', `more than ${limits.cdmiChildren} objects in one container`)
    this.#drop(container)
    // Of short ones there is no need to: they are read again in one request.
    if (names.length >= limits.listPage) this.#keep(container, names)
    return names
  }

  #keep(container: string, names: string[]): void {
    this.#held.set(container, { names, at: this.#now() })
    this.#names += names.length
    for (const [oldest] of this.#held) {
      if (this.#names <= limits.cdmiChildren) break
      this.#drop(oldest)
    }
  }

  #drop(container: string): void {
    this.#names -= this.#held.get(container)?.names.length ?? 0
    this.#held.delete(container)
  }
}

/** All keys with `prefix` that are on no earlier page, in order. With a delimiter '/', a container that is not empty stands for what is in it. */
export async function* keysBelow(children: ReadChildren, prefix: string, options: ListOptions): AsyncGenerator<string> {
  const container = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  yield* walk(children, container, prefix, options)
}

async function* walk(children: ReadChildren, container: string, prefix: string, options: ListOptions): AsyncGenerator<string> {
  for (const name of await children(container)) {
    const key = container + name
    if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue
    if (!name.endsWith('/')) {
      if (key.startsWith(prefix) && !isBefore(key, options)) yield key
      continue
    }
    const { after, delimiter } = options
    if (after !== undefined && compareKeys(key, after) < 0 && !after.startsWith(key)) continue
    if (delimiter !== '/' || !key.startsWith(prefix)) {
      yield* walk(children, key, prefix, options)
      continue
    }
    if (isBefore(key, options)) continue
    const { done } = await walk(children, key, key, {}).next()
    if (!done) yield key
  }
}
