// One set of auth threads, from their start to their end. What was asked of them is answered by them, also after they have been
// replaced by others (piscina's own `close` drops what still waits).

import os from 'node:os'
import { Piscina } from 'piscina'
import type { LookupResult, LookupTask } from '../actors/auth/lookup.ts'
import { limits } from '../runtime/limits.ts'
import type { AuthWorkerData } from './auth-worker.ts'

/** A thread without work for this long ends (ms); the first one stays. */
const idleMs = 60_000

/**
 * What look-ups spend their time with. `waits`: for a network, so that a thread can do several of them; `computes`: with hashes, so
 * that all cores are of use. (Where they only wait, one thread for many of them costs less: it wakes up less often.)
 */
export interface Work { waits: boolean; computes: boolean }

/** So many look-ups that only wait are no work for a second thread. */
const waitingLookups = 16

export class AuthThreads {
  readonly #pool: Piscina
  #asked = 0
  #retired = false

  /** `limit` look-ups at a time, of what `work` says. */
  constructor(limit: number, work: Work, data: AuthWorkerData) {
    const useful = work.computes ? limit : Math.ceil(limit / waitingLookups)
    const threads = Math.min(useful, os.availableParallelism())
    this.#pool = new Piscina({
      filename: new URL('./auth-worker.ts', import.meta.url).href,
      minThreads: 1,
      maxThreads: threads,
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: limits.authYoungMegabytes },
      idleTimeout: idleMs,
      concurrentTasksPerWorker: work.waits ? Math.ceil(limit / threads) : 1,
      maxQueue: limits.mailboxQueue,
      recordTiming: false,
      // Blocking waits would hold up a driver's own I/O between two tasks.
      atomics: 'disabled',
    })
  }

  get count(): number { return this.#pool.threads.length }
  get busy(): number { return this.#asked - this.#pool.queueSize }
  get waiting(): number { return this.#pool.queueSize }

  /** Rejects where the queue is full or the thread has died. */
  async run(task: LookupTask): Promise<LookupResult> {
    this.#asked++
    try {
      return await this.#pool.run(task) as LookupResult
    } finally {
      this.#asked--
      if (this.#retired && this.#asked === 0) void this.end()
    }
  }

  /** Ends when all has been answered. Nothing more is asked. */
  retire(): void {
    this.#retired = true
    if (this.#asked === 0) void this.end()
  }

  /** Ends at once; what waits for an answer fails. */
  end(): Promise<void> { return this.#pool.destroy() }

  /** Ends the threads as a crash would; others are started in their place. */
  async kill(): Promise<void> {
    await Promise.all(this.#pool.threads.map((thread) => thread.terminate()))
  }
}
