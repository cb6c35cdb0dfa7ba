// The sessions of one session worker: those whose socket is here and whose user (if they have one yet) is here, and the
// continuations of sessions whose socket is on another worker.
//
//   accept → session here → login → home is here: goes on · home is elsewhere: frozen, its socket is relayed

import type { Account } from '../actors/user/types.ts'
import type { AuthAnswer, AuthRequest } from '../actors/auth-messages.ts'
import { handedOver } from '../actors/session/hand-over.ts'
import type { Session, SessionSeed, SessionWorld, Settled, Wire } from '../actors/session/types.ts'
import type { Config } from '../conf/load.ts'
import { settingsFor } from '../conf/load.ts'
import type { Settings } from '../conf/settings.ts'
import type { Effects } from '../runtime/effects.ts'
import { LimitExceeded, TempFail, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { placeOf } from '../runtime/placement.ts'
import { within } from '../runtime/within.ts'
import { protocols } from './protocols.ts'
import type { Relay, RelayHost, RelayWire } from './relay.ts'
import type { Receiver } from './socket-wire.ts'
import { SocketWire } from './socket-wire.ts'
import { Users } from './users.ts'

export interface HostPlace {
  /** This worker, and how many there are. */
  index: number
  count: number
  /** The relay to another worker; TempFail while it is dead. */
  relayTo(worker: number): Relay
}

/** What the host knows of a session, and its world tells about it. */
interface Life {
  /** As it is now: a trusted peer may have said more than was known at the beginning. */
  seed: SessionSeed
  ended(): void
  moved(): void
}

export class SessionHost implements RelayHost {
  readonly users: Users
  readonly #effects: Effects
  readonly #config: Config
  readonly #place: HostPlace
  readonly #sessions = new Map<Session, Life>()
  #refusing: string | undefined

  constructor(effects: Effects, config: Config, place: HostPlace) {
    this.#effects = effects
    this.#config = config
    this.#place = place
    this.users = new Users(effects, config)
  }

  get sessionCount(): number { return this.#sessions.size }

  /** A client has connected here. */
  accept(seed: SessionSeed, wire: SocketWire): void {
    if (this.#refusing !== undefined) return wire.destroy()
    wire.feed(this.#begin(seed, wire))
  }

  continueSession(seed: SessionSeed, wire: RelayWire): Receiver {
    const session = this.#begin(seed, wire)
    if (this.#refusing !== undefined) void session.stop(this.#refusing)
    return session
  }

  farewell(seed: SessionSeed): string { return protocols[seed.protocol]?.farewell ?? '' }

  /** Ends every session with `reason`: running commands finish, clients are told. Settles within `deadlineMs`. */
  async finish(reason: string, deadlineMs: number): Promise<void> {
    this.#refusing = reason
    const ended = Promise.allSettled([...this.#sessions.keys()].map((session) => session.stop(reason)))
    await within(this.#effects.timers, deadlineMs, ended)
  }

  #begin(seed: SessionSeed, wire: Wire): Session {
    const protocol = protocols[seed.protocol]
    if (protocol === undefined) throw new Error(`no such protocol: ${seed.protocol}`)
    const life: Life = {
      seed,
      ended: () => this.#ended(session),
      // The anvil entry stays: it is the connection's, and the continuation's end removes it.
      moved: () => { this.#sessions.delete(session) },
    }
    const session: Session = protocol.session(this.#world(life, wire))
    this.#sessions.set(session, life)
    session.start()
    return session
  }

  #ended(session: Session): void {
    const life = this.#sessions.get(session)
    if (life === undefined) return
    this.#sessions.delete(session)
    this.#effects.tell('anvil', { kind: 'disconnect', key: keyOf(life.seed) })
  }

  #settings({ protocol, local, remote }: SessionSeed): Settings {
    return settingsFor(this.#config, { protocol, localIp: local.ip, remoteIp: remote.ip })
  }

  #world(life: Life, wire: Wire): SessionWorld {
    let settings = this.#settings(life.seed)
    return {
      effects: this.#effects,
      get settings() { return settings },
      wire,
      get seed() { return life.seed },
      handOver: (said) => {
        life.seed = handedOver(life.seed, said)
        settings = this.#settings(life.seed)
      },
      authenticate: (request) => this.#authenticate(request),
      settle: (account, freeze) => this.#settle(life, wire, account, freeze),
      // As long as its store may take: who gave up earlier would have the mail delivered twice.
      deliver: (account, delivery) => this.#effects.ask(`user:${account.user}`, { kind: 'deliver', account, delivery }, { deadlineMs: limits.storageAskMs }),
      ended: life.ended,
    }
  }

  async #authenticate(request: AuthRequest): Promise<AuthAnswer> {
    try {
      return await this.#effects.ask<AuthAnswer>('auth', request)
    } catch (error) {
      return { status: 'temporary', reason: messageOf(error) }
    }
  }

  async #settle(
    life: Life, wire: Wire, account: Account, freeze: () => { state: unknown; input: Uint8Array },
  ): Promise<Settled> {
    const { seed } = life
    const home = placeOf(account.user, this.#place.count)
    if (seed.resumed === undefined) await this.#admit(seed, account, home)
    if (home === this.#place.index) return { here: true, user: await this.users.get(account) }
    const relay = this.#place.relayTo(home)
    // The home opens the user first: if it cannot, the session here says so and the client may try again.
    await this.#effects.ask(`user:${account.user}`, { kind: 'prepare', account })
    if (!(wire instanceof SocketWire)) throw new TempFail('a relayed session cannot move on')
    const { state, input } = freeze()
    relay.send({ ...seed, resumed: { account, state, input } }, wire)
    life.moved()
    return { here: false }
  }

  /** mail_max_userip_connections, counted for all workers in one place. An anvil that does not answer admits (as Dovecot's). */
  async #admit(seed: SessionSeed, account: Account, worker: number): Promise<void> {
    let answer: { admitted: boolean; reason?: string }
    try {
      answer = await this.#effects.ask('anvil', {
        kind: 'connect', key: keyOf(seed), session: seed.id, service: seed.protocol, user: account.user, ip: seed.remote.ip, worker,
      })
    } catch {
      return
    }
    if (!answer.admitted) throw new LimitExceeded('mail_max_userip_connections', answer.reason ?? 'Maximum number of connections from user+IP exceeded')
  }
}

/** What anvil knows a connection by. */
const keyOf = (seed: SessionSeed): string => seed.ownId ?? seed.id
