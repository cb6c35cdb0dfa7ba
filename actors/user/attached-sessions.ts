// The sessions of a user: they keep it loaded, and are told when it goes. While there are some, it is asked now and then whose the
// user is.

import type { Cancel, Effects } from '../../runtime/effects.ts'
import type { User } from './types.ts'

/** A session that is attached. */
type Attached = Parameters<User['attach']>[0]

export interface AskingTimes {
  /** Asked at least this often (ms) … */
  idleMs: number
  refreshMs: number
  /** … and at this time (UNIX seconds; 0: none). */
  refreshAt: number
}

export class AttachedSessions {
  readonly #sessions = new Set<Attached>()
  readonly #effects: Pick<Effects, 'clock' | 'timers'>
  readonly #times: AskingTimes
  readonly #ask: (afterMs: number) => void
  #timer: Cancel | undefined
  #stopped = false

  /** `ask`: to ask if that was done longer ago than `afterMs`. */
  constructor(effects: Pick<Effects, 'clock' | 'timers'>, times: AskingTimes, ask: (afterMs: number) => void) {
    this.#effects = effects
    this.#times = times
    this.#ask = ask
  }

  get size(): number { return this.#sessions.size }

  add(session: Attached): void {
    this.#sessions.add(session)
    this.#wait()
  }

  remove(session: Attached): void { this.#sessions.delete(session) }

  tell(reason: string): void { for (const session of [...this.#sessions]) session.closing(reason) }

  /** The user ends: they are told, and nothing is asked any more. */
  stop(reason: string): void {
    this.#stopped = true
    this.#timer?.()
    this.tell(reason)
  }

  #wait(): void {
    if (this.#timer !== undefined || this.#stopped) return
    const { clock, timers } = this.#effects
    const everyMs = Math.min(this.#times.idleMs, this.#times.refreshMs)
    const untilMs = this.#times.refreshAt * 1000 - clock.now()
    const atOnce = untilMs > 0 && untilMs < everyMs
    this.#timer = timers.after(atOnce ? untilMs : everyMs, () => {
      this.#timer = undefined
      if (this.#sessions.size === 0) return
      this.#ask(atOnce ? 0 : everyMs / 2)
      this.#wait()
    })
  }
}
