// What an fscache directory holds and how much room is left: accounting without I/O, in blocks, so that what is counted is
// what a file system gives.
//
// Rules: everything on the disk is counted before it is written and until it is removed and nobody reads it any more, so
// the budget is never exceeded. What a scan has not seen yet is counted as what it may be at most (`unknown`).

export const blockBytes = 4096

/** Blocks that a file of so many bytes takes. */
export const blocksOf = (bytes: number): number => Math.ceil(bytes / blockBytes)

export interface Entry {
  readonly name: string
  readonly blocks: number
  /** When it was last used, or written. */
  usedMs: number
  readers: number
  /** Its bytes are those that were written: this process wrote or checked them. */
  trusted: boolean
  /** Removed from the index; its blocks are free when the last reader leaves. */
  gone: boolean
  /** The last scan that saw it. */
  scan: number
}

export class CacheIndex {
  /** In blocks. May be changed; `trim` brings what is there below it. */
  budget: number
  readonly #most: number
  /** Least recently used first. */
  #entries = new Map<string, Entry>()
  #used = 0
  #unknown = 0
  /** Files that are no entries. */
  #others = 0

  constructor(budget: number, mostEntries: number) { this.budget = budget; this.#most = mostEntries }

  get size(): number { return this.#entries.size }
  /** Blocks in use, at most. */
  get used(): number { return this.#used + this.#unknown + this.#others }
  get(name: string): Entry | undefined { return this.#entries.get(name) }

  /** Makes room for `blocks` and counts them. Answers what has to be removed from the disk first; undefined: there is no room. */
  take(blocks: number): Entry[] | undefined {
    let free = this.budget - this.used
    if (blocks > this.budget - this.#unknown - this.#others) return undefined
    const victims: Entry[] = []
    for (const entry of this.#entries.values()) {
      if (free >= blocks && this.#entries.size - victims.length < this.#most) break
      if (entry.readers > 0) continue
      victims.push(entry)
      free += entry.blocks
    }
    if (free < blocks) return undefined
    for (const { name } of victims) this.remove(name)
    this.#used += blocks
    return victims
  }

  /** Gives back what `take` has counted. */
  give(blocks: number): void { this.#used -= blocks }

  /** Puts an entry whose blocks are counted already in the place of another of its name. */
  add(name: string, blocks: number, nowMs: number, readers: number): Entry {
    this.remove(name)
    const entry: Entry = { name, blocks, usedMs: nowMs, readers, trusted: true, gone: false, scan: 0 }
    this.#entries.set(name, entry)
    return entry
  }

  /** An entry that was found on the disk. */
  adopt(name: string, blocks: number, usedMs: number): Entry {
    const known = this.#entries.get(name)
    if (known) return known
    const entry: Entry = { name, blocks, usedMs, readers: 0, trusted: false, gone: false, scan: 0 }
    this.#entries.set(name, entry)
    this.#used += blocks
    this.#unknown = Math.max(0, this.#unknown - blocks)
    return entry
  }

  remove(name: string): void {
    const entry = this.#entries.get(name)
    if (!entry) return
    this.#entries.delete(name)
    entry.gone = true
    if (entry.readers === 0) this.#used -= entry.blocks
  }

  /** Makes it the last to be removed. */
  touch(entry: Entry, nowMs: number): void {
    entry.usedMs = nowMs
    if (this.#entries.delete(entry.name)) this.#entries.set(entry.name, entry)
  }

  pin(entry: Entry): void { entry.readers++ }

  unpin(entry: Entry): void {
    entry.readers--
    if (entry.gone && entry.readers === 0) this.#used -= entry.blocks
  }

  /** A scan begins that has not seen so many blocks. */
  unseen(blocks: number): void { this.#unknown = blocks }

  /** The scan with this number, begun at `sinceMs`, has ended: what it has not seen and nobody used since is gone. Orders entries by their last use. */
  scanned(scan: number, sinceMs: number, otherBlocks: number): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.scan !== scan && entry.usedMs < sinceMs && entry.readers === 0) this.remove(entry.name)
    }
    this.#entries = new Map([...this.#entries].sort(([, a], [, b]) => a.usedMs - b.usedMs))
    this.#unknown = 0
    this.#others = otherBlocks
  }

  /** What has to be removed where more is there than may be. */
  trim(budget = this.budget): Entry[] {
    const victims: Entry[] = []
    for (const entry of this.#entries.values()) {
      if (this.used <= budget && this.#entries.size <= this.#most) break
      if (entry.readers > 0) continue
      victims.push(entry)
      this.remove(entry.name)
    }
    return victims
  }
}
