// The sessions of a user: they keep it loaded, and are told when it goes. While there are some, something is done now and then.

import type { Cancel, Timers } from '../../runtime/effects.ts'
import type { User } from './types.ts'

/** A session that is attached. */
type Attached = Parameters<User['attach']>[0]

export class AttachedSessions {
  readonly #sessions = new Set<Attached>()
  readonly #timers: Timers
  readonly #everyMs: number
  readonly #nowAndThen: () => void
  #timer: Cancel | undefined

  /** `nowAndThen`: called every so often while there are sessions. */
  constructor(timers: Timers, everyMs: number, nowAndThen: () => void) {
    this.#timers = timers
    this.#everyMs = everyMs
    this.#nowAndThen = nowAndThen
  }

  get size(): number { return this.#sessions.size }

  add(session: Attached): void {
    this.#sessions.add(session)
    this.#wait()
  }

  remove(session: Attached): void { this.#sessions.delete(session) }

  tell(reason: string): void { for (const session of [...this.#sessions]) session.closing(reason) }

  #wait(): void {
    this.#timer ??= this.#timers.after(this.#everyMs, () => {
      this.#timer = undefined
      if (this.#sessions.size === 0) return
      this.#nowAndThen()
      this.#wait()
    })
  }
}
