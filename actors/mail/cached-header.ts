// Which fields of a message's header are kept in its Summary: all that clients list, search and sort by, none that is
// bulky and read once. What is left out is named, so that nobody takes "not kept" for "not there".

import { limits as defaultLimits } from '../../runtime/limits.ts'
import type { Limits } from '../../runtime/limits.ts'
import { concatBytes } from './byte-strings.ts'

/** Trace and signature fields: bulky, and of interest to nobody who lists mail. */
const bulky = new Set([
  'received', 'dkim-signature', 'domainkey-signature', 'arc-seal', 'arc-message-signature', 'arc-authentication-results',
  'authentication-results', 'x-google-dkim-signature', 'x-gm-message-state', 'x-received', 'face', 'x-face', 'autocrypt',
])

/** In `omitted`: so many names were left out that any field may be missing. */
export const anyField = '*'

/** Collects Summary.header and Summary.omitted, within limits.cachedFieldBytes and cachedHeaderBytes. */
export class CachedHeader {
  readonly #limits: Limits
  readonly #kept: Uint8Array[] = []
  readonly #omitted = new Set<string>()
  #bytes = 0
  #omittedBytes = 0

  constructor(limits: Limits = defaultLimits) { this.#limits = limits }

  /** Takes a field: `raw` whole with its line ending, or undefined where it was too long to be collected. The bytes are not copied. */
  add(name: string, raw: Uint8Array | undefined): void {
    const key = name.toLowerCase()
    if (raw === undefined || bulky.has(key) || raw.length > this.#limits.cachedFieldBytes
      || this.#bytes + raw.length > this.#limits.cachedHeaderBytes || raw[raw.length - 1] !== 10) {
      this.omit(key)
      return
    }
    this.#kept.push(raw)
    this.#bytes += raw.length
  }

  /** Notes that a field of this lower-case name is left out. */
  omit(name: string): void {
    if (this.#omitted.has(name) || this.#omitted.has(anyField)) return
    this.#omittedBytes += name.length
    if (this.#omittedBytes > this.#limits.cachedHeaderBytes) {
      this.#omitted.clear()
      name = anyField
    }
    this.#omitted.add(name)
  }

  get header(): Uint8Array { return concatBytes(this.#kept) }
  get omitted(): string[] { return [...this.#omitted] }
}
