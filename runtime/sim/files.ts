// A process's way to the disk of its machine. Appends to one path keep their order; everything else that is not awaited
// happens in any order. A crash lets a write under way happen whole, in part (append) or not at all.

import type { Files } from '../effects.ts'
import type { SimDisk } from './disk.ts'
import type { SimProcess } from './process.ts'
import type { SimRandom } from './random.ts'

export class SimFiles implements Files {
  readonly #process: SimProcess
  readonly #disk: SimDisk
  /** When the last append to a path happens, so that the next one comes after it. */
  readonly #lastAppend = new Map<string, number>()
  /** Paths of which a crash has lost an append: what was appended after it is lost as well. */
  readonly #torn = new Set<string>()
  #temporaries = 0

  constructor(process: SimProcess, disk: SimDisk) {
    this.#process = process
    this.#disk = disk
  }

  read(path: string, offset?: number, length?: number): Promise<Uint8Array | undefined> {
    return this.#do(`read ${path}`, () => this.#disk.read(path, offset, length))
  }

  append(path: string, bytes: Uint8Array, durable = false): Promise<void> {
    const { agenda } = this.#process.world
    const copy = bytes.slice()
    const at = Math.max(agenda.now + this.#delay(), this.#lastAppend.get(path) ?? 0)
    this.#lastAppend.set(path, at)
    const perform = (part = copy): void => { this.#disk.append(path, part, durable, this.#wallClock()) }
    return this.#process.call({
      label: `append ${path} ${bytes.length}${durable ? ' durable' : ''}`,
      delayMs: at - agenda.now,
      answerMs: this.#delay(),
      perform: () => {
        if (this.#disk.full || this.#fails()) {
          // Up to the whole of it: then it was the sync that failed.
          perform(copy.subarray(0, this.#process.world.dice.below(copy.length + 1)))
          throw this.#process.world.fault(`no space left: append ${path}`, 'no space left')
        }
        perform()
      },
      orphaned: (dice) => {
        if (this.#torn.has(path)) return
        const kept = dice.chance(0.5) ? copy.length : dice.below(copy.length + 1)
        if (kept > 0) perform(copy.subarray(0, kept))
        if (kept < copy.length) this.#torn.add(path)
      },
    })
  }

  replace(path: string, bytes: Uint8Array, durable = false): Promise<void> {
    const copy = bytes.slice()
    return this.#change(`replace ${path} ${bytes.length}${durable ? ' durable' : ''}`,
      () => { this.#disk.replace(path, copy, durable, this.#wallClock()) }, () => this.#disk.full)
  }

  truncate(path: string, size: number, durable = false): Promise<void> {
    return this.#change(`truncate ${path} ${size}${durable ? ' durable' : ''}`, () => { this.#disk.truncate(path, size, durable, this.#wallClock()) })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change(`rename ${from} ${to}`, () => { this.#disk.rename(from, to, this.#wallClock()) })
  }

  remove(path: string): Promise<void> {
    return this.#change(`remove ${path}`, () => { this.#disk.remove(path, this.#wallClock()) })
  }

  list(path: string): Promise<string[]> { return this.#do(`ls ${path}`, () => this.#disk.list(path)) }

  stat(path: string) { return this.#do(`stat ${path}`, () => this.#disk.stat(path)) }

  temporary(directory: string): string { return `${directory}/${this.#process.name}.${this.#temporaries++}` }

  #delay(): number { return this.#process.world.dice.fraction() * this.#process.world.faults.fileMs }

  #fails(): boolean { return this.#process.world.dice.chance(this.#process.world.faults.failFile) }

  #wallClock(): number { return this.#process.world.wallClock }

  #do<T>(label: string, perform: () => T): Promise<T> {
    return this.#process.call({ label, delayMs: this.#delay(), answerMs: 0, perform })
  }

  #change(label: string, perform: () => void, full = (): boolean => false): Promise<void> {
    const orphaned = (dice: SimRandom): void => {
      if (!dice.chance(0.5)) return
      try { perform() } catch { /* it would have failed */ }
    }
    return this.#process.call({
      label,
      delayMs: this.#delay(),
      answerMs: this.#delay(),
      perform: () => {
        if (full() || this.#fails()) throw this.#process.world.fault(`no space left: ${label}`, 'no space left')
        perform()
      },
      orphaned,
    })
  }
}
