// The world of one session (SessionWorld): its settings, its login, and the way to users, here or on other workers. One
// object a session: thousands of them are idle at a time.

import type { Account, Delivery, DeliveryResult } from '../actors/user/types.ts'
import type { Admission } from '../actors/anvil-messages.ts'
import type { AnvilMessage } from '../actors/anvil-messages.ts'
import type { AuthAnswer, AuthRequest } from '../actors/auth-messages.ts'
import type { KnownAccounts } from '../actors/auth/known-accounts.ts'
import { handedOver } from '../actors/session/hand-over.ts'
import type { BackendAddress, BackendLink } from '../actors/session/backend.ts'
import type { Passed, Session, SessionWorld, Settled, Wire } from '../actors/session/types.ts'
import type { SessionSeed } from '../actors/session/seed.ts'
import type { Config } from '../conf/load.ts'
import { settingsFor } from '../conf/load.ts'
import type { Settings } from '../conf/settings.ts'
import { settingsOfUser } from '../conf/user-settings.ts'
import type { Effects } from '../runtime/effects.ts'
import { Bug, LimitExceeded, TempFail, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import { placeOf } from '../runtime/placement.ts'
import { SocketLink } from './backend-link.ts'
import { protocols } from './protocols.ts'
import { ProxiedSession } from './proxied-session.ts'
import { RelayWire } from './relay-wire.ts'
import type { Relay } from './relay.ts'
import { SocketWire } from './socket-wire.ts'
import { tlsOf } from './storage/tls.ts'
import type { Users } from './users.ts'

export interface HostPlace {
  /** This worker, and how many there are. */
  index: number
  count: number
  /** The relay to another worker; TempFail while it is dead. */
  relayTo(worker: number): Relay
}

/** What a session has of the worker it lives on. */
export interface Home {
  readonly effects: Effects
  readonly config: Config
  readonly place: HostPlace
  readonly users: Users
  readonly accounts: KnownAccounts
  /** Somebody has logged in on it. */
  loggedIn(hosted: HostedSession): void
  /** The session lives here no more: it has ended, or goes on at another worker. */
  forget(hosted: HostedSession): void
  beginAgain(seed: SessionSeed, wire: SocketWire, input: Uint8Array): void
  /** TLS begins on the connection, then another session. */
  startTls(seed: SessionSeed, wire: SocketWire): void
}

export class HostedSession implements SessionWorld {
  /** Another one where another server serves the client. */
  session: Session
  readonly wire: Wire
  readonly #home: Home
  /** As it is now: a trusted peer may have said more than was known at the beginning. */
  #seed: SessionSeed
  #settings: Settings
  /** As it was before a peer had said anything, where it may say all of it anew under TLS. */
  #unsaid: SessionSeed | undefined

  /** A session that has not been started. */
  constructor(home: Home, seed: SessionSeed, wire: Wire) {
    const protocol = protocols[seed.protocol]
    if (protocol === undefined) throw new Error(`no such protocol: ${seed.protocol}`)
    this.wire = wire
    this.#home = home
    this.#seed = seed
    this.#settings = settingsOf(home.config, seed)
    this.session = protocol.session(this)
  }

  get effects(): Effects { return this.#home.effects }
  get settings(): Settings { return this.#settings }
  get clients(): Config['clients'] { return this.#home.config.clients }
  get seed(): SessionSeed { return this.#seed }

  handOver(said: Parameters<SessionWorld['handOver']>[0]): void {
    if (this.#seed.startTls !== undefined) this.#unsaid ??= this.#seed
    this.#seed = handedOver(this.#seed, said)
    this.#settings = settingsOf(this.#home.config, this.#seed)
  }

  async authenticate(request: AuthRequest): Promise<AuthAnswer> {
    const ask = (): Promise<AuthAnswer> => this.effects.ask<AuthAnswer>('auth', request, { deadlineMs: limits.askMs + limits.delayUntilMs })
    try {
      return await (request.kind === 'lookup' ? this.#home.accounts.find(request, ask) : ask())
    } catch (error) {
      return { status: 'temporary', reason: messageOf(error) }
    }
  }

  async settle(account: Account, freeze: () => { state: unknown; input: Uint8Array }): Promise<Settled> {
    const { place, users } = this.#home
    const at = placeOf(account.user, place.count)
    const settings = settingsOfUser(this.#settings, account.fields)
    if (this.#seed.resumed === undefined) await this.#admit(account, at, settings.mail_max_userip_connections)
    if (at === place.index) {
      const user = await users.get(account)
      this.#settings = settings
      this.#home.loggedIn(this)
      return { here: true, user }
    }
    const relay = place.relayTo(at)
    // The home opens the user first: if it cannot, the session here says so and the client may try again.
    await this.effects.ask(`user:${account.user}`, { kind: 'prepare', account })
    if (!(this.wire instanceof SocketWire)) throw new TempFail('a relayed session cannot move on')
    const { state, input } = freeze()
    const { again: _, ...seed } = this.#seed
    relay.send({ ...seed, resumed: { account, state, input } }, this.wire)
    // The anvil entry stays: it is the connection's, and the continuation's end removes it.
    this.#home.forget(this)
    return { here: false }
  }

  again(input: Uint8Array): void {
    this.ended()
    const { wire } = this
    const { resumed: _, again: __, forward: ___, ...seed } = this.#seed
    // Where a proxy has handed its client over, it is that client who goes on, and not the proxy: nothing is believed of it any more.
    const next: SessionSeed = { ...seed, trusted: seed.trusted && seed.peer === undefined, before: { bytesIn: wire.bytesIn - input.length, bytesOut: wire.bytesOut } }
    if (wire instanceof RelayWire) wire.giveBack(next, input)
    else if (wire instanceof SocketWire) this.#home.beginAgain(next, wire, input)
  }

  startTls(): void {
    this.#home.forget(this)
    const { startTls: offered, again: _, before: __, ...seed } = this.#unsaid ?? this.#seed
    if (offered === undefined || !(this.wire instanceof SocketWire)) throw new Bug('TLS has not been offered')
    this.#home.startTls(seed, this.wire)
  }

  async connect(to: BackendAddress): Promise<BackendLink> {
    return SocketLink.open(to, tlsOf(this.#settings).options, this.effects.timers)
  }

  passThrough(link: BackendLink, input: Uint8Array, about: Passed, lines: readonly string[]): void {
    if (!(this.wire instanceof SocketWire) || !(link instanceof SocketLink)) throw new Bug('only a socket of this worker can be passed through')
    for (const line of lines) this.wire.write(`${line}\r\n`)
    this.#home.loggedIn(this)
    // Seen and ended like others; how many a user may have is for the server there to say.
    const { id: session, protocol, remote: { ip } } = this.#seed
    this.effects.tell('anvil', {
      kind: 'connect', key: anvilKey(this.#seed), session, service: `${protocol}-proxy`, user: about.user, ip, worker: this.#home.place.index, most: 0,
    } satisfies AnvilMessage)
    const proxied = new ProxiedSession(this, about)
    this.session = proxied
    void proxied.join(this.wire, link, input)
  }

  /** As long as its store may take: who gave up earlier would have the mail delivered twice. */
  deliver(account: Account, delivery: Delivery): Promise<DeliveryResult> {
    return this.effects.ask(`user:${account.user}`, { kind: 'deliver', account, delivery }, { deadlineMs: limits.storageAskMs })
  }

  ended(): void {
    this.#home.forget(this)
    this.effects.tell('anvil', { kind: 'disconnect', key: anvilKey(this.#seed) })
  }

  /** mail_max_userip_connections, counted for all workers in one place. An anvil that does not answer admits (as Dovecot's). */
  async #admit(account: Account, worker: number, most: number): Promise<void> {
    const seed = this.#seed
    let answer: Admission
    try {
      answer = await this.effects.ask('anvil', {
        kind: 'connect', most, key: anvilKey(seed), session: seed.id, service: seed.protocol, user: account.user, ip: seed.remote.ip, worker,
      })
    } catch {
      return
    }
    if (answer.admitted) return
    if (answer.limit === 'service') this.effects.emit({ level: 'warning', name: 'net.service_limit', service: 'master', text: answer.reason })
    throw new LimitExceeded(answer.limit, answer.limit === 'service' ? 'Too many connections, try again later.' : answer.reason)
  }
}

/** What anvil knows a connection by. */
export const anvilKey = (seed: SessionSeed): string => seed.ownId ?? seed.id

const settingsOf = (config: Config, { protocol, local, remote, tls }: SessionSeed): Settings =>
  settingsFor(config, { protocol, localIp: local.ip, remoteIp: remote.ip, ...(tls?.serverName === undefined ? {} : { localName: tls.serverName }) })
