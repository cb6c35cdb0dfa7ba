// The penalty of addresses that log in with wrong passwords: each further attempt waits longer before it is looked at. Dovecot's
// rules (auth-penalty.c, penalty.c): 4, 8, then 15 s; the first failure's own delay is auth_failure_delay. Whoever shares an
// address with the guilty one waits too, so it is per /48 in IPv6, forgotten 15 s after the last failure (but not by an attempt that
// was waiting meanwhile), and the same wrong password again (a phone) counts once among the last ten.

import { networkOf } from '../../conf/network.ts'
import type { Clock } from '../../runtime/effects.ts'
import { limits } from '../../runtime/limits.ts'

const stepsMs = [0, 4_000, 8_000, 15_000, 15_000] as const
const forgottenMs = 15_000
const rememberedTries = 10
const ipv6Bits = 48

export interface Penalty {
  /** Index into stepsMs. */
  step: number
  lastMs: number
  /** Hashes of name and password, the latest first. */
  tries: string[]
}

export class Penalties {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** By address or network, the longest unchanged first. */
  readonly #byPlace = new Map<string, Penalty>()

  constructor(clock: Pick<Clock, 'monotonic'>) { this.#clock = clock }

  get size(): number { return this.#byPlace.size }

  /** What there is against `ip` now. */
  of(ip: string): Penalty | undefined { return this.#of(placeOf(ip)) }

  /** How long an attempt from `ip` has to wait (ms). */
  waitMs(ip: string): number { return stepsMs[this.of(ip)?.step ?? 0] ?? 0 }

  /** `tried`: a hash of what was tried; absent: every time is another. `known`: what there was when the attempt began. */
  failed(ip: string, tried?: string, known?: Penalty): void {
    const place = placeOf(ip)
    if (place === '') return
    const penalty = this.#of(place) ?? known ?? { step: 0, lastMs: 0, tries: [] }
    const again = tried !== undefined && penalty.tries.includes(tried)
    if (tried !== undefined) penalty.tries = [tried, ...penalty.tries.filter((other) => other !== tried)].slice(0, rememberedTries)
    if (!again) {
      penalty.step = Math.min(penalty.step + 1, stepsMs.length - 1)
      penalty.lastMs = this.#clock.monotonic()
    }
    this.#byPlace.delete(place)
    this.#byPlace.set(place, penalty)
    this.#makeRoom()
  }

  succeeded(ip: string): void { this.#byPlace.delete(placeOf(ip)) }

  #of(place: string): Penalty | undefined {
    const penalty = this.#byPlace.get(place)
    if (penalty === undefined || this.#clock.monotonic() - penalty.lastMs < forgottenMs) return penalty
    this.#byPlace.delete(place)
    return undefined
  }

  #makeRoom(): void {
    const now = this.#clock.monotonic()
    for (const [place, { lastMs }] of this.#byPlace) {
      if (this.#byPlace.size <= limits.authPenalties && now - lastMs < forgottenMs) return
      this.#byPlace.delete(place)
    }
  }
}

const placeOf = (ip: string): string => (ip.includes(':') ? networkOf(ip, ipv6Bits) ?? '' : ip)
