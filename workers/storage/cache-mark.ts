// `.used` in a cache's directory: at least as much as is used there, across crashes. It is raised before more is used than it
// says; who starts takes what it says for used until a scan has counted.

import path from 'node:path'
import { inDirectory } from './cache-disk.ts'
import type { CacheDisk } from './cache-disk.ts'
import type { Share } from './driver.ts'
import { errnoOf } from './fs-errors.ts'

export class CacheMark {
  readonly #disk: CacheDisk
  readonly #directory: string
  readonly #path: string
  #blocks = 0
  /** The last writing of the file; the next one waits for it. */
  #writing: Promise<unknown> = Promise.resolve()

  /** `share`: each part of a shared directory has a mark of its own. */
  constructor(disk: CacheDisk, directory: string, { index, count }: Share = { index: 0, count: 1 }) {
    this.#disk = disk
    this.#directory = directory
    this.#path = path.join(directory, count === 1 ? '.used' : `.used-${index + 1}-of-${count}`)
  }

  /** Blocks that it allows. */
  get blocks(): number { return this.#blocks }

  /** Reads the file: how much of `budget` is to be taken for used; undefined: nothing was ever written here. Rejects with the disk's error. */
  async open(budget: number): Promise<number | undefined> {
    const text = await this.#disk.readText(this.#path).catch((error: unknown) => { if (errnoOf(error) !== 'ENOENT') throw error })
    if (text !== undefined) {
      // A torn one: all of it.
      this.#blocks = /^\d{1,12}\n$/.test(text) ? Number(text) : budget
      return this.#blocks
    }
    return await this.#wasShared() ? budget : undefined
  }

  /** Sees to it that it allows `used`, in steps, so that it is seldom written. Rejects with the disk's error. */
  async raise(used: number, budget: number): Promise<void> {
    if (used > this.#blocks) await this.#write(used, budget)
  }

  /** Comes down to what is used. Rejects with the disk's error. */
  async lower(used: number, budget: number): Promise<void> {
    if (used < this.#blocks) await this.#write(used, budget)
  }

  /** In place: who reads a torn one takes the whole budget for used. */
  #write(used: number, budget: number): Promise<void> {
    const step = Math.max(1, Math.ceil(budget / 64))
    this.#blocks = Math.ceil((used + 1) / step) * step
    const write = async (): Promise<void> => {
      try {
        await inDirectory(this.#disk, this.#directory, () => this.#disk.writeText(this.#path, `${this.#blocks}\n`))
      } catch (error) {
        this.#blocks = 0
        throw error
      }
    }
    const mine = this.#writing.then(write, write)
    this.#writing = mine.catch(() => {})
    return mine
  }

  /** Whether there is a mark of other parts of this directory. */
  async #wasShared(): Promise<boolean> {
    try {
      return (await this.#disk.readdir(this.#directory)).some((name) => name.startsWith('.used'))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
  }
}
