// An auth actor whose databases are asked right here, on a clock that the test moves.

import { randomBytes } from 'node:crypto'
import { createAuth } from '../../../actors/auth.ts'
import type { AuthActor } from '../../../actors/auth.ts'
import type { LookupResult, LookupTask } from '../../../actors/auth/lookup.ts'
import type { AuthAnswer, LoginRequest, LookupRequest } from '../../../actors/auth-messages.ts'
import type { PassdbSettings, Settings, UserdbSettings } from '../../../conf/settings.ts'
import { defaultSettings } from '../../../conf/settings.ts'
import { defaultsOf } from '../../../conf/setting.ts'
import { passdbSettings, userdbSettings } from '../../../conf/settings/auth.ts'
import type { LogEvent } from '../../../runtime/events.ts'
import { RealFiles } from '../../../runtime/real-files.ts'
import { Databases } from '../../../workers/auth-lookup.ts'

/** A clock that stands until `advance`. */
export class HandClock {
  #now = 0
  #timers: { at: number; action: () => void }[] = []

  readonly clock = { now: () => this.#now, monotonic: () => this.#now }
  readonly timers = {
    after: (ms: number, action: () => void) => {
      const timer = { at: this.#now + ms, action }
      this.#timers.push(timer)
      return () => { this.#timers = this.#timers.filter((other) => other !== timer) }
    },
  }

  get waiting(): number { return this.#timers.length }

  /** Until the next timer (ms); 0 without one. */
  get soonest(): number { return this.#timers.length === 0 ? 0 : Math.min(...this.#timers.map(({ at }) => at)) - this.#now }

  advance(ms: number): void {
    this.#now += ms
    const due = this.#timers.filter((timer) => timer.at <= this.#now)
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now)
    for (const timer of due) timer.action()
  }
}

export const passdb = (given: Partial<PassdbSettings>): PassdbSettings => ({ ...defaultsOf(passdbSettings), ...given })
export const userdb = (given: Partial<UserdbSettings>): UserdbSettings => ({ ...defaultsOf(userdbSettings), ...given })

export interface AuthDouble {
  actor: AuthActor
  hand: HandClock
  events: LogEvent[]
  tasks: LookupTask[]
  login(username: string, password: string, more?: Partial<LoginRequest>): Promise<AuthAnswer>
  lookup(username: string, more?: Partial<LookupRequest>): Promise<AuthAnswer>
}

/** Databases are the real drivers unless `runLookup` is given. The failure delay is off unless set. */
export function authDouble(given: Partial<Settings>, runLookup?: (task: LookupTask) => Promise<LookupResult>, remembered?: readonly string[] | 'constant'): AuthDouble {
  const hand = new HandClock()
  const events: LogEvent[] = []
  const tasks: LookupTask[] = []
  const databases = new Databases({ files: new RealFiles() })
  const settings: Settings = { ...defaultSettings(), auth_failure_delay: 0, auth_verbose: true, mail_home: '/home/%u', ...given }
  const actor = createAuth({
    effects: { ...hand, random: { bytes: (count) => new Uint8Array(randomBytes(count)), below: () => 0 }, emit: (event) => { events.push(event) } },
    settings,
    ...(remembered === undefined ? {} : { remembered: () => remembered }),
    runLookup: (task) => {
      tasks.push(task)
      return (runLookup ?? ((task) => databases.run(task)))(structuredClone(task))
    },
  })
  const login = async (username: string, password: string, more: Partial<LoginRequest> = {}): Promise<AuthAnswer> => await actor.receive({
    kind: 'login', service: 'imap', mechanism: 'PLAIN', username, password, session: 's1',
    remote: { ip: '192.0.2.1', port: 1234 }, local: { ip: '192.0.2.9', port: 143 }, secured: true, ...more,
  }) as AuthAnswer
  const lookup = async (username: string, more: Partial<LookupRequest> = {}): Promise<AuthAnswer> =>
    await actor.receive({ kind: 'lookup', service: 'lmtp', username, session: 's1', ...more }) as AuthAnswer
  return { actor, hand, events, tasks, login, lookup }
}
