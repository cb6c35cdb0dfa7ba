// The boundaries of the multiparts that are open at one place of a message. RFC 2046 §5.1.1.
//
// A line is a boundary line if it begins with `--` and the boundary; more may follow it. Where several boundaries match,
// the longest wins, then the innermost (so that one may begin with another).

import { limits } from '../../runtime/limits.ts'
import { bytesOf } from './byte-strings.ts'

const DASH = 45
const CR = 13
const LF = 10

/** Bytes of a line after which it is certain whether it is a boundary line: `--`, boundary, `--`. */
export const boundaryLineBytes = limits.mimeBoundaryBytes + 4

interface OpenBoundary<Owner> { bytes: Uint8Array; owner: Owner }

/** A boundary line: whose it is, and whether it is the closing one. */
export interface BoundaryLine<Owner> { owner: Owner; closing: boolean }

/** A stack of open boundaries, each of one owner (a multipart). */
export class MimeBoundaries<Owner> {
  readonly #open: OpenBoundary<Owner>[] = []

  get count(): number { return this.#open.length }

  push(boundary: string, owner: Owner): void {
    this.#open.push({ bytes: bytesOf(boundary.slice(0, limits.mimeBoundaryBytes)), owner })
  }

  /** Forgets all: the rest of the message has no boundary lines. */
  clear(): void { this.#open.length = 0 }

  /** Forgets the boundaries inside of `owner`, and with `closing` its own. */
  popTo(owner: Owner, closing: boolean): void {
    const at = this.#open.findIndex((open) => open.owner === owner)
    this.#open.length = closing ? at : at + 1
  }

  /** Whether a line that begins with data[start … end) may yet turn out to be a boundary line. */
  mayMatch(data: Uint8Array, start: number, end: number): boolean {
    if (end - start < 2) return true
    start += 2
    return this.#open.some(({ bytes }) => startsWith(data, start, end, end - start < bytes.length ? bytes.subarray(0, end - start) : bytes))
  }

  /** The boundary line whose first bytes (all of it, or boundaryLineBytes) are data[start … end), or undefined if it is none. */
  match(data: Uint8Array, start: number, end: number): BoundaryLine<Owner> | undefined {
    if (data[start] !== DASH || data[start + 1] !== DASH) return undefined
    start += 2
    while (end > start && (data[end - 1] === LF || data[end - 1] === CR)) end--
    let best: OpenBoundary<Owner> | undefined
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const open = this.#open[i]!
      if (best !== undefined && open.bytes.length <= best.bytes.length) continue
      if (startsWith(data, start, end, open.bytes)) best = open
    }
    if (best === undefined) return undefined
    const after = start + best.bytes.length
    return { owner: best.owner, closing: after + 2 <= end && data[after] === DASH && data[after + 1] === DASH }
  }
}

const startsWith = (data: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean => {
  if (end - start < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) {
    if (data[start + i] !== prefix[i]) return false
  }
  return true
}
