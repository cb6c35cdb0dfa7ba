// Keeps children (threads) alive: one that ends unasked is started again, after a pause that grows while it keeps dying.
// The pause bounds what a child that cannot live costs; it never gives up, because the next start may find the world mended.

import type { Cancel, Clock, Timers } from './effects.ts'
import type { LogEvent } from './events.ts'
import { messageOf } from './errors.ts'

/** Something that runs by itself and may end. */
export interface Child {
  /** Settles when it has ended, with the reason; never rejects. */
  readonly ended: Promise<string>
  /** Asks it to end cleanly; settles when it has, at the latest after `deadlineMs` by force. */
  stop(deadlineMs: number): Promise<void>
}

export interface Supervised<C extends Child> {
  name: string
  /** Starts a new one, ready to work when the promise settles. */
  start(): Promise<C>
  /** Told when the running one has ended unasked, before a new one is started. */
  lost?(child: C, reason: string): void
}

/** Milliseconds before the first restart, and at most; each death doubles them. */
const firstPauseMs = 50
const longestPauseMs = 10_000
/** A child that lived this long has recovered: the pause begins anew. */
const healthyMs = 60_000

interface World { clock: Clock; timers: Timers; emit(event: LogEvent): void }

export class Supervisor<C extends Child> {
  readonly #world: World
  readonly #what: Supervised<C>
  #child: C | undefined
  #pauseMs = firstPauseMs
  #startedAt = 0
  #stopping = false
  #cancelRestart: Cancel | undefined
  /** Settles when the last start has come to its end, good or bad. */
  #starting: Promise<unknown> | undefined

  constructor(world: World, what: Supervised<C>) {
    this.#world = world
    this.#what = what
  }

  /** The running child; undefined between death and restart. */
  get child(): C | undefined { return this.#child }

  /** First start: a failure is the caller's (a bad configuration should end the process, not be retried). */
  start(): Promise<C> {
    const starting = this.#start()
    this.#starting = starting.catch(() => {})
    return starting
  }

  /** Ends the child, the one that is just being started included, and starts none any more. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true
    this.#cancelRestart?.()
    await this.#starting
    await this.#child?.stop(deadlineMs)
  }

  async #start(): Promise<C> {
    const child = await this.#what.start()
    this.#startedAt = this.#world.clock.monotonic()
    this.#child = child
    void child.ended.then((reason) => this.#ended(child, reason))
    return child
  }

  #ended(child: C, reason: string): void {
    if (this.#child === child) this.#child = undefined
    if (this.#stopping) return
    this.#world.emit({ level: 'error', name: 'supervisor.died', text: `${this.#what.name} died: ${reason}` })
    this.#what.lost?.(child, reason)
    if (this.#world.clock.monotonic() - this.#startedAt > healthyMs) this.#pauseMs = firstPauseMs
    this.#restartLater()
  }

  #restartLater(): void {
    const pause = this.#pauseMs
    this.#pauseMs = Math.min(pause * 2, longestPauseMs)
    this.#cancelRestart = this.#world.timers.after(pause, () => { void this.#restart() })
  }

  /** Never rejects. */
  async #restart(): Promise<void> {
    try {
      await this.start()
      this.#world.emit({ level: 'info', name: 'supervisor.restarted', text: `${this.#what.name} runs again` })
    } catch (error) {
      this.#world.emit({ level: 'error', name: 'supervisor.start_failed', text: `${this.#what.name} did not start: ${messageOf(error)}` })
      if (!this.#stopping) this.#restartLater()
    }
  }
}
