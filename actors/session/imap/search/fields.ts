// Header fields of a searched message: from the summary where that has them, else from the whole header.

import { fieldValues } from '../../../mail/headers.ts'
import { coversFields } from '../../../mail/summary.ts'
import type { SearchedMessage } from './key.ts'

/** A header block that has all fields of these lower-case names, undefined until there is one. */
export function blockWith(m: SearchedMessage, names: readonly string[]): Uint8Array | undefined {
  const { summary } = m
  if (!summary) return undefined
  return coversFields(summary, names) ? summary.header : m.header
}

/** Values of all fields of a lower-case name, undefined until they are known. */
export function valuesOf(m: SearchedMessage, name: string): readonly string[] | undefined {
  const block = blockWith(m, [name])
  return block && fieldValues(block, name)
}
