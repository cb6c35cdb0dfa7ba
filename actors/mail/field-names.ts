// A set of header field names, to be asked at the bytes of a header block.

import { concatBytes } from './byte-strings.ts'
import { eachField, valueStart } from './headers.ts'

const fieldName = /^[!-9;-~]+$/

export class FieldNames {
  /** Lower-case names by their first byte, in either case. */
  readonly #byFirst: (string[] | undefined)[] = new Array<undefined>(256).fill(undefined)

  /** Letter case does not matter; what is no field name names nothing. */
  constructor(names: Iterable<string>) {
    for (const name of names) {
      if (!fieldName.test(name)) continue
      const lower = name.toLowerCase()
      for (const first of new Set([lower.charCodeAt(0), lower.toUpperCase().charCodeAt(0)])) (this.#byFirst[first] ??= []).push(lower)
    }
  }

  /** Whether the field at [start, end) of a block has one of these names. */
  has(block: Uint8Array, start: number, end: number): boolean {
    const names = this.#byFirst[block[start]!]
    if (names === undefined) return false
    for (let i = 0; i < names.length; i++) if (valueStart(block, start, end, names[i]!) >= 0) return true
    return false
  }
}

/**
 * The raw fields with one of these names — or with `except` all others — one after the other, without the empty line
 * (HEADER.FIELDS and HEADER.FIELDS.NOT add it). Lines that are no fields are left out, but by `except` kept.
 */
export const selectFields = (block: Uint8Array, names: FieldNames, options: { except?: boolean } = {}): Uint8Array => {
  const except = options.except ?? false
  const chosen: Uint8Array[] = []
  eachField(block, (start, end) => {
    if (names.has(block, start, end) !== except) chosen.push(block.subarray(start, end))
  })
  return concatBytes(chosen)
}
