// The passdb field `delay_until=SECONDS[+SPREAD]`: the answer to the login, a good one too, waits until that time (since 1970),
// and up to SPREAD seconds longer, by chance. One that is too far ahead lets nobody in, as in Dovecot.

import type { Effects } from '../../runtime/effects.ts'
import { limits } from '../../runtime/limits.ts'

export interface Delay { untilMs: number; spreadMs: number }

/** undefined: not a time. */
export function parseDelay(text: string): Delay | undefined {
  const [, until, spread = '0'] = /^([0-9]{1,12})(?:\+([0-9]{1,6}))?$/.exec(text) ?? []
  return until === undefined ? undefined : { untilMs: Number(until) * 1000, spreadMs: Number(spread) * 1000 }
}

/** How long the answer waits from now on (ms); undefined: longer than anybody may. */
export function waitMs({ untilMs, spreadMs }: Delay, { clock, random }: Pick<Effects, 'clock' | 'random'>): number | undefined {
  const wait = untilMs - clock.now()
  if (wait <= 0) return 0
  if (wait > limits.delayUntilMs) return undefined
  return Math.min(wait + random.below(spreadMs + 1), limits.delayUntilMs)
}
