// Descriptors of files that are used again and again, kept open; the least recently used ones are closed.

import fs from 'node:fs'
import path from 'node:path'

export interface OpenFile {
  readonly fd: number
  /** The last append on its way through the pool. */
  tail: Promise<void> | undefined
  /** Calls that use the descriptor; it is closed by the last one where the path has another file meanwhile. */
  users: number
  forgotten: boolean
}

export class Descriptors {
  readonly #open = new Map<string, OpenFile>()
  readonly #most: number
  readonly #openNew: (file: string) => number

  /** `most` of them are kept; `open` opens a file that is not. */
  constructor(most: number, open: (file: string) => number) {
    this.#most = most
    this.#openNew = open
  }

  /** As `use`, but never of a file that another one has taken the place of, whoever has done that. */
  useCurrent(file: string): OpenFile {
    const kept = this.#open.get(file)
    if (kept !== undefined) {
      const there = fs.statSync(file, { throwIfNoEntry: false })
      const same = fs.fstatSync(kept.fd)
      if (there?.ino !== same.ino || there.dev !== same.dev) this.#drop(file, kept)
    }
    return this.use(file)
  }

  /** The descriptor for a path, counted as used: `release` it. Throws what opening throws. */
  use(file: string): OpenFile {
    const open = this.#open.get(file) ?? { fd: this.#openNew(file), tail: undefined, users: 0, forgotten: false }
    open.users++
    this.#open.delete(file)
    this.#open.set(file, open)
    this.#closeOldest()
    return open
  }

  release(open: OpenFile): void {
    if (--open.users === 0 && open.forgotten) fs.closeSync(open.fd)
  }

  /**
   * Drops kept descriptors of a path and of everything below it: what lies there from now on is another file. Called when
   * it does and not before: a use that came between would open the old file, and keep it.
   */
  forget(file: string): void {
    const below = `${file}${path.sep}`
    for (const [name, open] of this.#open) {
      if (name === file || name.startsWith(below)) this.#drop(name, open)
    }
  }

  close(): void {
    for (const [file, open] of [...this.#open]) this.#drop(file, open)
  }

  /** Those in use stay, even if they are too many. */
  #closeOldest(): void {
    let tooMany = this.#open.size - this.#most
    for (const [file, open] of this.#open) {
      if (tooMany-- <= 0) return
      if (open.users === 0) this.#drop(file, open)
    }
  }

  /** Closes a descriptor, as soon as nobody uses it. */
  #drop(file: string, open: OpenFile): void {
    this.#open.delete(file)
    open.forgotten = true
    if (open.users === 0) fs.closeSync(open.fd)
  }
}
