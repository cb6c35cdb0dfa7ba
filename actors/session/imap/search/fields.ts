// Header fields of a searched message: from the summary where that has them, else from the whole header.

import { fieldValues } from '../../../mail/headers.ts'
import { coversFields } from '../../../mail/summary.ts'
import type { SearchedMessage } from './key.ts'

/** Values of all fields of a lower-case name, undefined until they are known. */
export function valuesOf(m: SearchedMessage, name: string): readonly string[] | undefined {
  const { summary } = m
  if (!summary) return undefined
  const block = coversFields(summary, [name]) ? summary.header : m.header
  return block && fieldValues(block, name)
}
