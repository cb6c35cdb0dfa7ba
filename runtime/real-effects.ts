// The production Effects: the machine's clock, timers, random numbers and files. Storage, messages and the log are handed
// in by the worker that makes it, because they lead to other threads.

import { randomFillSync, randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Address, Cancel, Clock, Effects, ObjectStore, Random, Timers } from './effects.ts'
import type { LogEvent } from './events.ts'
import { RealFiles, bootId } from './real-files.ts'

/** Where the effects that leave the thread go. */
export interface Doors {
  storage(spec: string): ObjectStore
  ask<Answer>(to: Address, message: unknown, options?: { deadlineMs?: number }): Promise<Answer>
  tell(to: Address, message: unknown): void
  emit(event: LogEvent): void
}

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/** setTimeout fires at once beyond this (2^31-1 ms); such a wait is as good as for ever. */
const longestTimerMs = 2_147_483_647

export const realTimers: Timers = {
  after(ms: number, action: () => void): Cancel {
    // Not setTimeout, which waits for a millisecond at least: whoever rests in the middle of long work is to go on as soon as others had their turn.
    if (ms <= 0) {
      const immediate = setImmediate(action)
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(action, Math.min(ms, longestTimerMs))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

const poolBytes = 4096

/** Small requests (GUIDs) are served from a pool: one call into the kernel for many. */
class RealRandom implements Random {
  #pool = new Uint8Array(poolBytes)
  #used = poolBytes

  bytes(count: number): Uint8Array {
    if (count > poolBytes / 4) return randomFillSync(new Uint8Array(count))
    if (this.#used + count > poolBytes) {
      this.#pool = randomFillSync(new Uint8Array(poolBytes))
      this.#used = 0
    }
    this.#used += count
    return this.#pool.slice(this.#used - count, this.#used)
  }

  below(bound: number): number { return randomInt(bound) }
}

/** Effects on this machine. One per thread. */
export function realEffects(doors: Doors): Effects & { readonly files: RealFiles } {
  return {
    clock: realClock,
    timers: realTimers,
    random: new RealRandom(),
    files: new RealFiles(),
    bootId: bootId(),
    storage: (spec) => doors.storage(spec),
    ask: (to, message, options) => doors.ask(to, message, options),
    tell: (to, message) => doors.tell(to, message),
    emit: (event) => doors.emit(event),
  }
}
