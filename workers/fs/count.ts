// `count:NAME:…` — counts the operations that reach its parent, for tests and measurements.

import type { RequestContext } from '../../runtime/effects.ts'
import { wrapper } from '../storage/driver.ts'
import type { OpenStore } from '../storage/driver.ts'
import { argument, Around } from '../storage/wrapping.ts'
import type { Operation } from '../storage/wrapping.ts'

export type Counts = Record<Operation, number> & { byReason: Record<string, number> }

const named = new Map<string, Counts>()
const form = 'count:NAME:…'

/** The counts under a name in this thread, live. */
export const countsOf = (name: string): Counts => {
  let counts = named.get(name)
  if (!counts) named.set(name, counts = { read: 0, write: 0, copy: 0, delete: 0, deleteMany: 0, list: 0, stat: 0, byReason: {} })
  return counts
}

class CountingStore extends Around {
  readonly #counts: Counts
  constructor(parent: OpenStore, counts: Counts) { super(parent); this.#counts = counts }

  protected override around<T>(operation: Operation, run: () => Promise<T>, context: RequestContext): Promise<T> {
    this.#counts[operation]++
    this.#counts.byReason[context.reason] = (this.#counts.byReason[context.reason] ?? 0) + 1
    return run()
  }
}

export default wrapper({
  name: 'count',
  form,
  parse: (text) => {
    const { value, rest } = argument('count', form, text)
    return { options: value, rest }
  },
  open: (name: string, parent) => new CountingStore(parent, countsOf(name)),
})
