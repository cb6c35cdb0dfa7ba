// A machine's local disk, in memory. What was written survives the death of a process; a loss of power keeps of each file
// only what was made durable or written long enough ago, plus as much of the rest as the dice say: mostly cut off exactly where
// one write ended, so that nobody can tell, or anywhere, or as zeros where the size was known and the data was not. A file that was
// replaced or cut may be the old one again. Removals and renames come back in reverse order, as on a journaling file system:
// whatever is made durable makes those before it so.

import type { FileStat } from '../effects.ts'
import type { SimRandom } from './random.ts'

interface StoredFile {
  /** Capacity may be larger than `size`. */
  bytes: Uint8Array
  size: number
  durable: number
  /** Where writes ended since, and when. */
  ends: { size: number; atMs: number }[]
  modifiedMs: number
  /** What a loss of power may bring back: the file before a `replace`, or a cut, that was not durable. */
  before?: { file: StoredFile | undefined; untilMs: number }
}

/** A removal or a renaming that is not durable yet. */
interface NameChange { file: StoredFile; from: string; to?: string; atMs: number }

export class SimDisk {
  readonly #files = new Map<string, StoredFile>()
  /** Oldest first. */
  #names: NameChange[][] = []
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
      file = { bytes: new Uint8Array(Math.max(64, bytes.length)), size: 0, durable: 0, ends: [], modifiedMs: nowMs, before: { file: undefined, untilMs: nowMs } }
      this.#files.set(path, file)
    }
    if (file.size + bytes.length > file.bytes.length) {
      const larger = new Uint8Array(Math.max(2 * file.bytes.length, file.size + bytes.length))
      larger.set(file.bytes.subarray(0, file.size))
      file.bytes = larger
    }
    file.bytes.set(bytes, file.size)
    file.size += bytes.length
    file.ends.push({ size: file.size, atMs: nowMs })
    file.modifiedMs = nowMs
    if (durable) this.#sync(file)
  }

  replace(path: string, bytes: Uint8Array, durable: boolean, nowMs: number): void {
    const old = this.#files.get(path)
    // Where there was a file before, it is whole or not there at all: the rename waits for the data. What is appended since can be cut.
    const file: StoredFile = { bytes: bytes.slice(), size: bytes.length, durable: old === undefined ? 0 : bytes.length, ends: [{ size: bytes.length, atMs: nowMs }], modifiedMs: nowMs, before: { file: old, untilMs: nowMs } }
    if (durable) this.#sync(file)
    this.#files.set(path, file)
  }

  /** Cuts the file, or fills it up with zeros. */
  truncate(path: string, size: number, durable: boolean, nowMs: number): void {
    const file = this.#files.get(path)
    if (file === undefined) throw new Error(`no such file: ${path}`)
    if (size > file.size) return this.append(path, new Uint8Array(size - file.size), durable, nowMs)
    const cut: StoredFile = { bytes: file.bytes.slice(0, size), size, durable: Math.min(file.durable, size), ends: [...file.ends.filter((end) => end.size < size), { size, atMs: nowMs }], modifiedMs: nowMs, before: { file, untilMs: nowMs } }
    if (durable) this.#sync(cut)
    this.#files.set(path, cut)
  }

  rename(from: string, to: string, nowMs: number): void {
    const file = this.#files.get(from)
    if (file !== undefined) {
      this.#files.delete(from)
      this.#files.set(to, file)
      this.#names.push([{ file, from, to, atMs: nowMs }])
      return
    }
    const inside = [...this.#files.keys()].filter((path) => path.startsWith(`${from}/`))
    if (inside.length === 0) throw new Error(`no such file: ${from}`)
    const changes = inside.map((path): NameChange => ({ file: this.#files.get(path)!, from: path, to: to + path.slice(from.length), atMs: nowMs }))
    for (const { file, from, to } of changes) {
      this.#files.set(to!, file)
      this.#files.delete(from)
    }
    this.#names.push(changes)
  }

  remove(path: string, nowMs: number): void {
    const gone = [...this.#files].filter(([inner]) => inner === path || inner.startsWith(`${path}/`))
    // One after the other: some may be gone and others not.
    for (const [from, file] of gone) {
      this.#files.delete(from)
      this.#names.push([{ file, from, atMs: nowMs }])
    }
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

  wipe(): void {
    this.#files.clear()
    this.#names = []
  }

  /** What was written before `writtenBackMs` (by the clock of the writes) has reached the disk by itself. */
  losePower(random: SimRandom, writtenBackMs: number): void {
    const young = this.#names.findIndex(([change]) => change!.atMs >= writtenBackMs)
    const undone = young < 0 ? [] : this.#names.slice(random.between(young, this.#names.length))
    this.#names = []
    for (const { file, from, to } of undone.reverse().flat()) {
      if (this.#files.has(from)) continue
      if (to !== undefined && this.#files.get(to) === file) this.#files.delete(to)
      this.#files.set(from, file)
    }
    for (const [path, file] of [...this.#files]) {
      const left = afterPowerLoss(file, random, writtenBackMs)
      if (left === undefined) this.#files.delete(path)
      else this.#files.set(path, left)
    }
  }

  #sync(file: StoredFile): void {
    file.durable = file.size
    file.ends = []
    delete file.before
    this.#names = []
  }
}

function afterPowerLoss(file: StoredFile, random: SimRandom, writtenBackMs: number): StoredFile | undefined {
  const { before } = file
  if (before !== undefined && before.untilMs >= writtenBackMs && random.chance(0.5)) return before.file && afterPowerLoss(before.file, random, writtenBackMs)
  let { durable } = file
  for (const { size, atMs } of file.ends) if (atMs < writtenBackMs) durable = Math.max(durable, size)
  const ends = [durable, ...file.ends.map(({ size }) => size).filter((size) => size > durable)]
  const kept = random.chance(0.8) ? random.pick(ends) : random.between(durable, file.size)
  const size = random.chance(0.1) ? file.size : kept
  const bytes = file.bytes.slice(0, size)
  bytes.fill(0, kept)
  return { bytes, size, durable: size, ends: [], modifiedMs: file.modifiedMs }
}
