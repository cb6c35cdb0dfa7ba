// Comparison of secrets in a time that depends on their length only.

import { timingSafeEqual } from 'node:crypto'

/** Whether two byte strings are equal; lengths are no secret. */
export const equalBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other)
