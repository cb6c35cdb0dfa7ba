// What is going to happen, and when: the simulator's only source of progress. Events of the same time keep their order.

interface Entry { at: number; order: number; action: (() => void) | undefined }

export class Agenda {
  /** A binary heap, earliest first. */
  readonly #heap: Entry[] = []
  #order = 0
  #now = 0

  /** Virtual milliseconds since the world began. */
  get now(): number { return this.#now }
  get size(): number { return this.#heap.length }
  /** When the next event is due. */
  get next(): number | undefined { return this.#heap[0]?.at }

  /** Plans `action` for `delayMs` from now. The returned function takes it back. */
  plan(delayMs: number, action: () => void): () => void {
    const entry: Entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, action }
    this.#rise(entry)
    return () => { entry.action = undefined }
  }

  /** Moves the clock to the next event and runs it. False: there is none. */
  step(): boolean {
    for (;;) {
      const entry = this.#take()
      if (entry === undefined) return false
      if (entry.action === undefined) continue
      this.#now = entry.at
      entry.action()
      return true
    }
  }

  #rise(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!earlier(entry, heap[parent] as Entry)) break
      heap[at] = heap[parent] as Entry
      at = parent
    }
    heap[at] = entry
  }

  #take(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && earlier(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!earlier(heap[child] as Entry, last)) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = last
    return first
  }
}

const earlier = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
