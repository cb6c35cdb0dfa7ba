// A backend of the simulated world that opens a user when somebody asks for it, and lets it go when it is asked to: as a session
// worker does, for the stories in which several have one user at the same time.

import { openUser } from '../../actors/user/open-user.ts'
import type { Account } from '../../actors/user/types.ts'
import type { UserActor } from '../../actors/user/user.ts'
import type { Settings } from '../../conf/settings.ts'
import type { Effects } from '../../runtime/effects.ts'
import type { Limits } from '../../runtime/limits.ts'
import type { SimProcess } from '../../runtime/sim/process.ts'
import type { SimEffects, SimMachine } from '../../runtime/sim-effects.ts'
import { promised } from './violation.ts'

export interface BackendOptions {
  settings: Settings
  account: Account
  limits: Partial<Limits>
  doors(effects: SimEffects): Effects
  /** A user was lost to another backend, and its sessions were told. */
  onLost(): void
}

export class Backend {
  readonly machine: SimMachine
  readonly #options: BackendOptions
  #effects: SimEffects
  #user: Promise<UserActor> | undefined
  #leaving: Promise<void> = Promise.resolve()

  constructor(machine: SimMachine, options: BackendOptions) {
    this.machine = machine
    this.#options = options
    this.#effects = machine.start()
  }

  get process(): SimProcess { return this.#effects.process }
  get effects(): SimEffects { return this.#effects }

  /** The user, opened if it is not. Rejects as openUser does. */
  user(): Promise<UserActor> {
    if (this.#user !== undefined) return this.#user
    const opening = this.#open(() => { if (this.#user === opening) void this.stop() }).catch((error: unknown) => {
      if (this.#user === opening) this.#user = undefined
      throw error
    })
    this.#user = opening
    return opening
  }

  /** The process dies; another is there at once. `wipe`: and the disk is lost; `blackout`: and what of it was not durable. */
  crash(how: 'kill' | 'blackout' | 'wipe'): void {
    if (how === 'wipe') this.machine.wipe()
    else if (how === 'blackout') this.machine.losePower()
    else this.machine.crash()
    this.#user = undefined
    this.#leaving = Promise.resolve()
    this.#effects = this.machine.start()
  }

  /** A clean end of the user, if it is there, however long it takes. */
  async stop(): Promise<void> {
    const user = this.#user
    this.#user = undefined
    if (user !== undefined) this.#leaving = user.then((there) => there.stop(3_600_000), () => {})
    await this.#leaving
  }

  /** `letGo`: stops this one, if it is still the one. */
  async #open(letGo: () => void): Promise<UserActor> {
    const { settings, account, limits, doors, onLost } = this.#options
    await this.#leaving
    const effects = this.#effects
    let user: UserActor | undefined
    const told: string[] = []
    const idle = (): void => {
      if (effects !== this.#effects || user === undefined) return
      const lost = told.length > 0
      // One that was being stopped anyway has heard that first.
      promised(!lost || told.at(-1)!.startsWith('[UNAVAILABLE] '), () => `a session of a lost user was told: ${told.join()}`)
      if (lost) onLost()
      letGo()
    }
    user = await openUser(doors(effects), settings, account, { limits, idle })
    // One session stays, so that nothing is closed for want of sessions: it hears when the user goes.
    user.attach({ id: 'watcher', service: 'imap', closing: (reason) => { told.push(reason) } })
    return user
  }
}
