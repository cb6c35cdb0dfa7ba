// The sessions of one session worker: those whose socket is here and whose user (if they have one yet) is here, and the
// continuations of sessions whose socket is on another worker.
//
//   accept → session here → login → home is here: goes on · home is elsewhere: frozen, its socket is relayed
//   logout that keeps the connection (RFC 8437) → a new session where the socket is

import type { Wire } from '../actors/session/types.ts'
import { KnownAccounts } from '../actors/auth/known-accounts.ts'
import type { SessionSeed } from '../actors/session/seed.ts'
import type { Config } from '../conf/load.ts'
import { settingsFor } from '../conf/load.ts'
import { connectionBound } from '../conf/service-limits.ts'
import type { Effects } from '../runtime/effects.ts'
import { within } from '../runtime/within.ts'
import { HostedSession, anvilKey } from './hosted-session.ts'
import type { Home, HostPlace } from './hosted-session.ts'
import { protocols } from './protocols.ts'
import type { RelayHost } from './relay.ts'
import type { RelayWire } from './relay-wire.ts'
import type { Receiver } from './socket-wire.ts'
import { SocketWire } from './socket-wire.ts'
import { underTls } from './tls/handshakes.ts'
import type { Handshakes } from './tls/handshakes.ts'
import { Strangers } from './strangers.ts'
import type { StrangerBounds } from './strangers.ts'
import { Turnstile } from './turnstile.ts'
import { Users } from './users.ts'

const nothing = new Uint8Array(0)

interface Bounds { strangers: StrangerBounds; mailers: number }

export class SessionHost implements RelayHost, Home {
  readonly effects: Effects
  #config: Config
  readonly place: HostPlace
  readonly handshakes: Handshakes
  readonly users: Users
  readonly accounts: KnownAccounts
  readonly #sessions = new Set<HostedSession>()
  readonly #strangers: Strangers
  readonly #mailers = new Turnstile()
  #boundsOf: { config: Config; bounds: Bounds } | undefined
  #refusing: string | undefined

  constructor(effects: Effects, config: Config, place: HostPlace, handshakes: Handshakes) {
    this.effects = effects
    this.#config = config
    this.place = place
    this.handshakes = handshakes
    this.#strangers = new Strangers(effects)
    this.accounts = new KnownAccounts(effects.clock)
    this.users = new Users(effects, () => this.config)
  }

  /** Of sessions that begin from now on. */
  get config(): Config { return this.#config }

  set config(config: Config) {
    this.#config = config
    this.accounts.forget()
  }

  get sessionCount(): number { return this.#sessions.size }

  /** A client has connected here. */
  accept(seed: SessionSeed, wire: SocketWire): void {
    if (this.#refusing !== undefined) return wire.destroy()
    const { strangers, mailers } = this.#bounds
    if (seed.protocol === 'lmtp') return this.#mailers.enter(mailers, wire, () => { wire.feed(this.#begin(seed, wire).session) })
    if (seed.protocol !== 'admin' && !this.#strangers.admits(seed, strangers)) return wire.destroy()
    const hosted = this.#begin(seed, wire)
    if (seed.protocol !== 'admin') this.#strangers.add(hosted, strangers)
    wire.feed(hosted.session)
  }

  loggedIn(hosted: HostedSession): void { this.#strangers.remove(hosted) }

  continueSession(seed: SessionSeed, wire: RelayWire): Receiver {
    const { session } = this.#begin(seed, wire)
    if (this.#refusing !== undefined) void session.stop(this.#refusing)
    return session
  }

  beginAgain(seed: SessionSeed, wire: SocketWire, input: Uint8Array): void {
    // Compression ends with the session that began it (RFC 8437 §4.1).
    const plain = wire.compressed ? wire.leaveCompression() : input
    const hosted = this.#begin({ ...seed, again: { input: plain ?? nothing, from: 'logout' } }, wire)
    const { session } = hosted
    this.#strangers.add(hosted, this.#bounds.strangers)
    wire.feed(session)
    wire.resume()
    if (plain === undefined || (plain !== input && input.length > 0)) void session.stop('UNAUTHENTICATE ends the compression.')
    else if (this.#refusing !== undefined) void session.stop(this.#refusing)
  }

  startTls(seed: SessionSeed, wire: SocketWire): void {
    void wire.detach().then(async (socket) => {
      if (socket === undefined) return wire.destroy()
      const secured = await this.handshakes.begin(socket, seed)
      if (secured !== undefined) this.accept({ ...underTls(seed, secured.tls), again: { input: nothing, from: 'plaintext' } }, new SocketWire(secured.socket, this.effects.timers))
    })
  }

  farewell(seed: SessionSeed): string { return protocols[seed.protocol]?.farewell ?? '' }

  /** Ends every session with `reason`: running commands finish, clients are told. Settles within `deadlineMs`. */
  async finish(reason: string, deadlineMs: number): Promise<void> {
    this.#refusing = reason
    this.handshakes.stop()
    this.#mailers.close()
    const ended = Promise.allSettled([...this.#sessions].map(({ session }) => session.stop(reason)))
    await within(this.effects.timers, deadlineMs, ended)
  }

  /** Ends the sessions that anvil knows by `keys`. Settles when they have ended. */
  async kick(keys: ReadonlySet<string>, reason: string): Promise<void> {
    const kicked = [...this.#sessions].filter(({ seed }) => keys.has(anvilKey(seed)))
    await Promise.allSettled(kicked.map(({ session }) => session.stop(reason)))
  }

  forget(hosted: HostedSession): void {
    this.#strangers.remove(hosted)
    if (this.#sessions.delete(hosted) && hosted.seed.protocol === 'lmtp') this.#mailers.leave()
  }

  /** This worker's share of what the services bound. */
  get #bounds(): Bounds {
    const known = this.#boundsOf?.config === this.config ? this.#boundsOf : undefined
    const { bounds } = this.#boundsOf = known ?? { config: this.config, bounds: boundsOf(this.config, this.place.count) }
    return bounds
  }

  #begin(seed: SessionSeed, wire: Wire): HostedSession {
    const hosted = new HostedSession(this, seed, wire)
    this.#sessions.add(hosted)
    hosted.session.start()
    return hosted
  }
}

function boundsOf(config: Config, workers: number): Bounds {
  const share = (service: string): number => Math.ceil((connectionBound(config, service) ?? 0) / workers)
  return { strangers: { all: share('imap-login'), ofAddress: settingsFor(config, {}).culver_login_ip_connections }, mailers: share('lmtp') }
}
