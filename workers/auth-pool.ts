// The auth pool: threads that look users up and hash passwords, so that neither stops a session.
//
// auth_worker_max_count is how many look-ups run at a time, each with connections of its own. Where a database waits for a
// network, one thread serves several of them (a thread costs 13 MB and 130 ms to start; a waiting look-up nothing); more
// threads than cores would compute nothing more.

import { randomBytes } from 'node:crypto'
import os from 'node:os'
import { Piscina } from 'piscina'
import type { LookupResult, LookupTask } from '../actors/auth/lookup.ts'
import type { Settings } from '../conf/settings.ts'
import { limits } from '../runtime/limits.ts'
import { RealFiles } from '../runtime/real-files.ts'
import { Databases } from './auth-lookup.ts'
import type { AuthWorkerData } from './auth-worker.ts'

/** A thread without work for this long ends (ms); the first one stays. */
const idleMs = 60_000

type PoolSettings = Pick<Settings, 'auth_worker_max_count' | 'passdb' | 'userdb'>

export interface PoolState { threads: number; limit: number; busy: number; waiting: number }

export class AuthPool {
  #databases: Databases
  #limit: number
  #pool: Piscina
  #busy = 0
  /** As long as the server runs. */
  readonly #saltKey = randomBytes(32)

  /** ConfigError: a passdb or userdb names an unknown driver, or has arguments that driver cannot read. */
  constructor(settings: PoolSettings) {
    this.#databases = checked(settings)
    this.#limit = Math.max(1, settings.auth_worker_max_count)
    this.#pool = this.#open()
  }

  /** Lines for the log at start. */
  get notes(): readonly string[] { return this.#databases.notes }

  get state(): PoolState {
    const { threads, queueSize } = this.#pool
    return { threads: threads.length, limit: this.#limit, busy: this.#busy - queueSize, waiting: queueSize }
  }

  /** Runs one look-up on a free thread. Rejects where the queue is full, the thread has died or the look-up takes limits.askMs. */
  async run(task: LookupTask): Promise<LookupResult> {
    this.#busy++
    try {
      return await this.#pool.run(task, { signal: AbortSignal.timeout(limits.askMs) }) as LookupResult
    } finally {
      this.#busy--
    }
  }

  /** So many look-ups at a time from now on. Those that run, or wait, are answered by the threads that have them. */
  resize(limit: number): void {
    this.#limit = Math.max(1, limit)
    this.#replace()
  }

  /** Other databases from now on, opened anew. ConfigError as the constructor: then nothing has changed. */
  reload(settings: PoolSettings): void {
    this.#databases = checked(settings)
    this.resize(settings.auth_worker_max_count)
  }

  /** Ends the threads that run, as a crash would; others are started in their place. */
  async kill(): Promise<void> {
    await Promise.all(this.#pool.threads.map((thread) => thread.terminate()))
  }

  /** Ends all threads. */
  async stop(): Promise<void> {
    await this.#pool.destroy()
  }

  #replace(): void {
    const old = this.#pool
    this.#pool = this.#open()
    // What it still has to answer takes limits.askMs at most.
    void old.close().catch(() => old.destroy())
  }

  #open(): Piscina {
    const threads = Math.min(this.#limit, os.availableParallelism())
    return new Piscina({
      filename: new URL('./auth-worker.ts', import.meta.url).href,
      minThreads: 1,
      maxThreads: threads,
      workerData: { saltKey: this.#saltKey } satisfies AuthWorkerData,
      resourceLimits: { maxYoungGenerationSizeMb: limits.authYoungMegabytes },
      idleTimeout: idleMs,
      closeTimeout: limits.askMs,
      concurrentTasksPerWorker: this.#databases.waits ? Math.ceil(this.#limit / threads) : 1,
      maxQueue: limits.mailboxQueue,
      // Blocking waits would hold up a driver's own I/O between two tasks.
      atomics: 'disabled',
    })
  }
}

/** The databases, each opened once in vain. ConfigError. */
function checked({ passdb, userdb }: PoolSettings): Databases {
  const databases = new Databases({ files: new RealFiles() })
  for (const { driver, args } of passdb) databases.passdb(driver, args)
  for (const { driver, args } of userdb) if (driver !== 'prefetch') databases.userdb(driver, args)
  return databases
}
