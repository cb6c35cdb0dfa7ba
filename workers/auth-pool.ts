// The auth pool: threads that look users up and hash passwords, so that neither stops a session. (Who a `static` database knows
// is said at once: two trips to a thread for each recipient would cost more than all else that is done for its look-up.)
//
// auth_worker_max_count is how many look-ups run at a time, each with connections of its own. Where a database waits for a
// network, one thread serves several of them (a thread costs 13 MB and some 100 ms to start; a waiting look-up nothing); more
// threads than cores would compute nothing more.

import { randomBytes } from 'node:crypto'
import type { LookupResult, LookupTask } from '../actors/auth/lookup.ts'
import { placed } from '../conf/place.ts'
import type { Settings } from '../conf/settings.ts'
import type { Timers } from '../runtime/effects.ts'
import { TempFail } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { realTimers } from '../runtime/real-effects.ts'
import { RealFiles } from '../runtime/real-files.ts'
import { Databases } from './auth-lookup.ts'
import { AuthThreads } from './auth-threads.ts'
import type { PassdbSource, UserdbSource } from './databases.ts'

type PoolSettings = Pick<Settings, 'auth_worker_max_count' | 'passdb' | 'userdb'>

export interface PoolState { threads: number; limit: number; busy: number; waiting: number }

export class AuthPool {
  readonly #deadlineMs: number
  readonly #timers: Timers
  /** As long as the server runs. */
  readonly #saltKey = randomBytes(32)
  #databases: Databases
  #limit: number
  #threads: AuthThreads
  /** Those that have been replaced and still have something to answer. */
  readonly #retired = new Set<AuthThreads>()

  /** ConfigError: a passdb or userdb names an unknown driver, or has arguments that driver cannot read. */
  constructor(settings: PoolSettings, timers: Timers = realTimers, deadlineMs: number = limits.askMs) {
    this.#databases = checked(settings)
    this.#deadlineMs = deadlineMs
    this.#timers = timers
    this.#limit = Math.max(1, settings.auth_worker_max_count)
    this.#threads = this.#start()
  }

  /** Lines for the log at start. */
  get notes(): readonly string[] { return this.#databases.notes }

  /** By which %variables the answer to a look-up may be remembered; `constant`: it need not be; undefined: it must not be. */
  remembered(task: LookupTask): readonly string[] | 'constant' | undefined {
    return this.#isConstant(task) ? 'constant' : this.#sourceOf(task).remembered
  }

  /** Whether a look-up is over sooner than a thread would hear of it. What has a password to check never is. */
  #isConstant(task: LookupTask): boolean {
    return (task.kind === 'user' || task.kind === 'find') && this.#sourceOf(task).constant === true
  }

  #sourceOf({ kind, driver, args }: LookupTask): PassdbSource | UserdbSource {
    return kind === 'user' ? this.#databases.userdb(driver, args) : this.#databases.passdb(driver, args)
  }

  get state(): PoolState {
    const { count, busy, waiting } = this.#threads
    return { threads: count, limit: this.#limit, busy, waiting }
  }

  /** Runs one look-up on a free thread, or right here. Rejects where the queue is full, the thread has died or the look-up takes limits.askMs. */
  async run(task: LookupTask): Promise<LookupResult> {
    if (this.#isConstant(task)) return this.#databases.run(task)
    const threads = this.#threads
    const late = Promise.withResolvers<never>()
    const cancel = this.#timers.after(this.#deadlineMs, () => {
      late.reject(new TempFail(`no answer within ${this.#deadlineMs} ms`))
      // No database takes so long: the thread is stuck, and others' look-ups on it are.
      if (this.#threads === threads) this.#replace()
    })
    try {
      return await Promise.race([threads.run(task), late.promise])
    } finally {
      cancel()
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
  kill(): Promise<void> { return this.#threads.kill() }

  /** Ends all threads. */
  async stop(): Promise<void> {
    await Promise.all([this.#threads, ...this.#retired].map((threads) => threads.end()))
  }

  #start(): AuthThreads { return new AuthThreads(this.#limit, this.#databases, { saltKey: this.#saltKey }) }

  #replace(): void {
    const old = this.#threads
    this.#threads = this.#start()
    old.retire()
    this.#retired.add(old)
    this.#timers.after(this.#deadlineMs, () => {
      this.#retired.delete(old)
      void old.end()
    })
  }
}

/** The databases, each opened once in vain. ConfigError. */
function checked({ passdb, userdb }: PoolSettings): Databases {
  const databases = new Databases({ files: new RealFiles() })
  for (const { driver, args, where } of passdb) placed(where, () => databases.passdb(driver, args))
  for (const { driver, args, where } of userdb) if (driver !== 'prefetch') placed(where, () => databases.userdb(driver, args))
  return databases
}
