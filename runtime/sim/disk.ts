// A machine's local disk, in memory. What was written survives the death of a process; a loss of power keeps of each file
// only what was made durable, plus as much of the rest as the dice say (cut off, or as zeros where the size was known
// and the data was not). Renames and removals are taken to be durable, as on a journaling file system.

import type { FileStat } from '../effects.ts'
import type { SimRandom } from './random.ts'

interface StoredFile {
  /** Capacity may be larger than `size`. */
  bytes: Uint8Array
  size: number
  durable: number
  modifiedMs: number
  /** What a loss of power may bring back: the file before a `replace` that was not durable. */
  before?: StoredFile | 'absent'
}

export class SimDisk {
  readonly #files = new Map<string, StoredFile>()
  /** No space is left. */
  full = false

  /** Paths and sizes of all files, in path order. */
  files(): { path: string; size: number }[] {
    return [...this.#files].map(([path, file]) => ({ path, size: file.size })).sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  read(path: string, offset = 0, length?: number): Uint8Array | undefined {
    const file = this.#files.get(path)
    if (file === undefined) return undefined
    const end = length === undefined ? file.size : Math.min(file.size, offset + length)
    return file.bytes.slice(Math.min(offset, file.size), end)
  }

  append(path: string, bytes: Uint8Array, durable: boolean, nowMs: number): void {
    let file = this.#files.get(path)
    if (file === undefined) {
      file = { bytes: new Uint8Array(Math.max(64, bytes.length)), size: 0, durable: 0, modifiedMs: nowMs, before: 'absent' }
      this.#files.set(path, file)
    }
    if (file.size + bytes.length > file.bytes.length) {
      const larger = new Uint8Array(Math.max(2 * file.bytes.length, file.size + bytes.length))
      larger.set(file.bytes.subarray(0, file.size))
      file.bytes = larger
    }
    file.bytes.set(bytes, file.size)
    file.size += bytes.length
    file.modifiedMs = nowMs
    if (durable) this.#sync(file)
  }

  replace(path: string, bytes: Uint8Array, durable: boolean, nowMs: number): void {
    const old = this.#files.get(path)
    const file: StoredFile = { bytes: bytes.slice(), size: bytes.length, durable: 0, modifiedMs: nowMs, before: old ?? 'absent' }
    if (durable) this.#sync(file)
    this.#files.set(path, file)
  }

  /** Cuts the file, or fills it up with zeros. */
  truncate(path: string, size: number, nowMs: number): void {
    const file = this.#files.get(path)
    if (file === undefined) throw new Error(`no such file: ${path}`)
    if (size > file.size) return this.append(path, new Uint8Array(size - file.size), false, nowMs)
    file.size = size
    file.durable = Math.min(file.durable, size)
    file.modifiedMs = nowMs
  }

  rename(from: string, to: string): void {
    const file = this.#files.get(from)
    if (file !== undefined) {
      this.#files.delete(from)
      this.#files.set(to, file)
      return
    }
    const inside = [...this.#files.keys()].filter((path) => path.startsWith(`${from}/`))
    if (inside.length === 0) throw new Error(`no such file: ${from}`)
    for (const path of inside) {
      this.#files.set(to + path.slice(from.length), this.#files.get(path) as StoredFile)
      this.#files.delete(path)
    }
  }

  remove(path: string): void {
    this.#files.delete(path)
    for (const inner of [...this.#files.keys()]) if (inner.startsWith(`${path}/`)) this.#files.delete(inner)
  }

  list(path: string): string[] {
    const names = new Set<string>()
    for (const inner of this.#files.keys()) {
      if (inner.startsWith(`${path}/`)) names.add(inner.slice(path.length + 1).split('/', 1)[0] as string)
    }
    return [...names]
  }

  stat(path: string): FileStat | undefined {
    const file = this.#files.get(path)
    if (file !== undefined) return { size: file.size, modifiedMs: file.modifiedMs, directory: false }
    return this.list(path).length > 0 ? { size: 0, modifiedMs: 0, directory: true } : undefined
  }

  /** Changes one bit. */
  flip(path: string, bit: number): void {
    const file = this.#files.get(path)
    if (file === undefined) throw new Error(`no such file: ${path}`)
    file.bytes = file.bytes.slice()
    file.bytes[bit >> 3]! ^= 1 << (bit & 7)
  }

  wipe(): void { this.#files.clear() }

  losePower(random: SimRandom): void {
    for (const [path, file] of [...this.#files]) {
      const left = afterPowerLoss(file, random)
      if (left === undefined) this.#files.delete(path)
      else this.#files.set(path, left)
    }
  }

  #sync(file: StoredFile): void {
    file.durable = file.size
    delete file.before
  }
}

function afterPowerLoss(file: StoredFile, random: SimRandom): StoredFile | undefined {
  if (file.before !== undefined && random.chance(0.5)) {
    return file.before === 'absent' ? undefined : afterPowerLoss(file.before, random)
  }
  // A replaced file is whole or not there at all (the rename waits for the data); only what was appended since can be cut.
  if (file.before !== undefined && file.before !== 'absent') {
    return { bytes: file.bytes, size: file.size, durable: file.size, modifiedMs: file.modifiedMs }
  }
  const kept = random.between(file.durable, file.size)
  const size = random.chance(0.3) ? file.size : kept
  const bytes = file.bytes.slice(0, size)
  bytes.fill(0, kept)
  return { bytes, size, durable: size, modifiedMs: file.modifiedMs }
}
