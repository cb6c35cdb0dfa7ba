// When a request to an HTTP store is tried again: after 50 ms, then 500 ms, 5 s, 10 s, as Dovecot does, each with jitter
// so that the many that failed together do not come back together; later where the store says Retry-After.

import type { Random } from '../../runtime/effects.ts'

const firstMs = 50
const longestMs = 10_000

/** Milliseconds to wait before attempt `attempt` + 1 (the first attempt is 1): between a half and the whole of its step. */
export const backoffMs = (attempt: number, random: Random, retryAfter: string | undefined): number => {
  const step = Math.min(firstMs * 10 ** (attempt - 1), longestMs)
  const jittered = step / 2 + random.below(step / 2 + 1)
  const asked = retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) * 1000 : 0
  return Math.max(jittered, Math.min(asked, longestMs))
}

/** Whether an answer of this status may be another one next time. */
export const isPassing = (status: number): boolean => status >= 500 || status === 429 || status === 408
