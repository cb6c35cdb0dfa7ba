// Every look-up goes through here: one for all who ask for the same at the same time (a phone that opens four connections, a
// mail to a list), and none for what is remembered (actors/auth/cache.ts).

import { messageOf } from '../../runtime/errors.ts'
import type { AuthCache, CacheKey } from './cache.ts'
import type { LookupResult, LookupTask, RunLookup } from './lookup.ts'

/**
 * The names of the %variables that decide what a look-up finds, beside its user; undefined: it must not be remembered. `constant`:
 * equal ones find the same while the settings stand, and cost less than to remember them.
 */
export type Remembered = (task: LookupTask) => readonly string[] | 'constant' | undefined

export class Lookups {
  readonly #runLookup: RunLookup
  readonly #remembered: Remembered
  readonly #cache: AuthCache
  readonly #inFlight = new Map<string, Promise<LookupResult>>()

  constructor(runLookup: RunLookup, remembered: Remembered, cache: AuthCache) {
    this.#runLookup = runLookup
    this.#remembered = remembered
    this.#cache = cache
  }

  /** Look-ups that run now. */
  get running(): number { return this.#inFlight.size }

  run(task: LookupTask): Promise<LookupResult> {
    const names = isRememberable(task) ? this.#remembered(task) : undefined
    if (names === 'constant') return this.#constant(task)
    const key = names === undefined ? undefined : this.#keyOf(task, names)
    // Only while it runs: what has a password in it goes when its answer comes.
    if (key === undefined) return this.#once(JSON.stringify(task), () => this.#ask(task))
    const known = this.#cache.get(key)
    if (known !== undefined) return Promise.resolve({ ...known, cached: true })
    return this.#once(`${key.id} ${key.print ?? ''}`, () => this.#askAndRemember(task, key))
  }

  #once(id: string, ask: () => Promise<LookupResult>): Promise<LookupResult> {
    const running = this.#inFlight.get(id)
    if (running !== undefined) return running
    const lookup = ask().finally(() => this.#inFlight.delete(id))
    this.#inFlight.set(id, lookup)
    return lookup
  }

  async #askAndRemember(task: LookupTask, key: CacheKey): Promise<LookupResult> {
    const { flushes } = this.#cache
    const result = await this.#ask(task)
    if (result.status === 'temporary') {
      const old = this.#cache.getExpired(key)
      if (old !== undefined) return { ...old, cached: true, warning: `Falling back to expired data from cache: ${result.reason ?? 'lookup failed'}` }
    } else if (this.#cache.flushes === flushes) {
      this.#cache.put(key, result)
    }
    return result
  }

  async #constant(task: LookupTask): Promise<LookupResult> {
    const result = await this.#ask(task)
    return result.status === 'ok' ? { ...result, lastsMs: Infinity } : result
  }

  async #ask(task: LookupTask): Promise<LookupResult> {
    try {
      return await this.#runLookup(task)
    } catch (error) {
      return { status: 'temporary', fields: {}, reason: messageOf(error) }
    }
  }

  #keyOf({ kind, driver, args, variables, password }: LookupTask, names: readonly string[]): CacheKey {
    const valueOf = (name: string): unknown => {
      const [family = '', member] = name.split(':')
      const value = variables[family]
      return typeof value === 'object' && member !== undefined ? value[member] : value
    }
    return this.#cache.key(String(variables['user'] ?? ''), [kind, driver, args, ...names.map(valueOf)], password)
  }
}

const isRememberable = ({ kind }: LookupTask): boolean => kind === 'verify' || kind === 'find' || kind === 'user'
