// The auth pool: threads that look users up and hash passwords, so that neither stops a session. Started as they are
// needed, up to auth_worker_max_count where some database waits for a network. Where all only compute, more threads than
// cores would compute nothing more and cost 13 MB each.

import os from 'node:os'
import { Piscina } from 'piscina'
import type { LookupResult, LookupTask } from '../actors/auth/lookup.ts'
import type { Settings } from '../conf/settings.ts'
import { limits } from '../runtime/limits.ts'
import { RealFiles } from '../runtime/real-files.ts'
import { Databases } from './auth-lookup.ts'

/** A thread without work for this long ends (ms); the first one stays. */
const idleMs = 60_000

export class AuthPool {
  readonly #pool: Piscina
  /** Lines for the log at start. */
  readonly notes: readonly string[]

  /** ConfigError: a passdb or userdb names an unknown driver, or has arguments that driver cannot read. */
  constructor(settings: Pick<Settings, 'auth_worker_max_count' | 'passdb' | 'userdb'>) {
    const check = new Databases({ files: new RealFiles() })
    for (const passdb of settings.passdb) check.passdb(passdb.driver, passdb.args)
    for (const userdb of settings.userdb) if (userdb.driver !== 'prefetch') check.userdb(userdb.driver, userdb.args)
    this.notes = check.notes
    const useful = check.waits ? settings.auth_worker_max_count : Math.min(settings.auth_worker_max_count, os.availableParallelism())
    this.#pool = new Piscina({
      filename: new URL('./auth-worker.ts', import.meta.url).href,
      minThreads: 1,
      maxThreads: Math.max(1, useful),
      resourceLimits: { maxYoungGenerationSizeMb: limits.authYoungMegabytes },
      idleTimeout: idleMs,
      concurrentTasksPerWorker: 1,
      maxQueue: limits.mailboxQueue,
      // Blocking waits would hold up a driver's own I/O between two tasks.
      atomics: 'disabled',
    })
  }

  /** Runs one look-up on a free thread. Rejects where the queue is full, the thread has died or the look-up takes limits.askMs. */
  run(task: LookupTask): Promise<LookupResult> {
    return this.#pool.run(task, { signal: AbortSignal.timeout(limits.askMs) }) as Promise<LookupResult>
  }

  /** Ends the threads that run, as a crash would; others are started in their place. */
  async kill(): Promise<void> {
    await Promise.all(this.#pool.threads.map((thread) => thread.terminate()))
  }

  /** Ends all threads. */
  async stop(): Promise<void> {
    await this.#pool.destroy()
  }
}
