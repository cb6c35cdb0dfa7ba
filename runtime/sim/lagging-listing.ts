// What the listings of a store say that learns late of what came and went, while each object by its key is as it is: every change
// of which keys there are is seen by listings some time after it, each key's for itself.

import type { ListOptions, ListPage, ObjectInfo } from '../effects.ts'

/** What listings say of a key until then: that it is there, or (undefined) that it is not. */
interface Late { untilMs: number; said: ObjectInfo | undefined }

export class LaggingListing {
  readonly #late = new Map<string, Late>()
  readonly #now: () => number
  readonly #lagMs: () => number

  /** `lagMs`: how long the next change takes to be seen. */
  constructor(now: () => number, lagMs: () => number) {
    this.#now = now
    this.#lagMs = lagMs
  }

  /** The key came: `before` is what it was, if it was there. */
  wrote(key: string, before: ObjectInfo | undefined): void {
    const late = this.#current(key)
    if (late === undefined && before === undefined) this.#late.set(key, { untilMs: this.#now() + this.#lagMs(), said: undefined })
  }

  /** The key went: `before` is what it was, if it was there. */
  deleted(key: string, before: ObjectInfo | undefined): void {
    const late = this.#current(key)
    if (late !== undefined && late.said === undefined) this.#late.delete(key)
    else if (late === undefined && before !== undefined) this.#late.set(key, { untilMs: this.#now() + this.#lagMs(), said: before })
  }

  /** A page of what is listed now. `all`: every object there is that begins with the prefix, in order. */
  page(all: readonly ObjectInfo[], prefix: string, { after = '', delimiter, limit = Infinity }: ListOptions): ListPage {
    const objects = new Map(all.map((object) => [object.key, object]))
    for (const key of [...this.#late.keys()]) {
      const late = this.#current(key)
      if (late === undefined || !key.startsWith(prefix)) continue
      if (late.said === undefined) objects.delete(key)
      else objects.set(key, objects.get(key) ?? late.said)
    }
    const listed = [...objects.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
    const cut = (key: string): number => (delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length))
    const page: ListPage = { objects: [], prefixes: [] }
    let last = after
    for (const object of listed) {
      const end = cut(object.key)
      const entry = end < 0 ? object.key : object.key.slice(0, end + 1)
      if (entry <= last) continue
      if (page.objects.length + page.prefixes.length >= limit) return { ...page, next: last }
      if (end < 0) page.objects.push(object)
      else page.prefixes.push(entry)
      last = entry
    }
    return page
  }

  #current(key: string): Late | undefined {
    const late = this.#late.get(key)
    if (late === undefined || this.#now() < late.untilMs) return late
    this.#late.delete(key)
    return undefined
  }
}
