// Waiting that has an end.

import type { Timers } from './effects.ts'

/** Waits for `work`, at most `ms` milliseconds; how it ends, or whether, is not told. */
export async function within(timers: Timers, ms: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const cancel = timers.after(ms, late.resolve)
  await Promise.race([work.catch(() => {}), late.promise])
  cancel()
}
