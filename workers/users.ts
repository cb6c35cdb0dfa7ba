// The users whose home is this session worker: opened by the first session or delivery that needs them, gone again when
// they have been idle, and reachable from the other workers for deliveries.

import type { Account, UserMessage } from '../actors/user/types.ts'
import { openUser } from '../actors/user/open-user.ts'
import type { UserActor } from '../actors/user/user.ts'
import { expandSettings, userVariables } from '../conf/expand.ts'
import type { Config } from '../conf/load.ts'
import { settingsFor } from '../conf/load.ts'
import type { Effects } from '../runtime/effects.ts'
import { Registry } from '../runtime/registry.ts'

export class Users {
  readonly #registry: Registry<UserActor>
  readonly #effects: Effects
  readonly #config: () => Config

  /** `config`: in force when a user is opened. */
  constructor(effects: Effects, config: () => Config) {
    this.#registry = new Registry(effects.clock)
    this.#effects = effects
    this.#config = config
  }

  get size(): number { return this.#registry.size }

  /** The user, open. TempFail if the store or disk is away. */
  get(account: Account): Promise<UserActor> { return this.#registry.get(account.user, () => this.#open(account)) }

  /** Hands a message to its user, opening it when needed. Rejects as the user does. */
  send(message: UserMessage): Promise<unknown> {
    return this.#registry.send(message.account.user, () => this.#open(message.account), message)
  }

  /** Flushes and closes all of them. */
  stop(deadlineMs: number): Promise<void> { return this.#registry.stop(deadlineMs) }

  #open(account: Account): Promise<UserActor> {
    const general = settingsFor(this.#config(), {})
    const variables = userVariables({ user: account.user, home: account.home, fields: account.fields })
    return openUser(this.#effects, expandSettings(general, variables), account, {
      // However long it takes: whoever opened the user again before its end would be a second writer.
      idle: () => { void this.#registry.close(account.user, Infinity).catch(() => {}) },
    })
  }
}
