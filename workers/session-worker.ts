// Thread entry: one session worker. It listens, hosts sessions and the users whose home it is, and talks to the main
// thread (auth, anvil, log), to the storage worker and to the other session workers, each over a Link of its own.

import type { MessagePort } from 'node:worker_threads'
import { MailError } from '../actors/user/errors.ts'
import type { MailErrorCode } from '../actors/user/errors.ts'
import type { Account, UserMessage } from '../actors/user/types.ts'
import type { Config } from '../conf/load.ts'
import type { Address } from '../runtime/effects.ts'
import { registerError } from '../runtime/error-crossing.ts'
import { TempFail, messageOf } from '../runtime/errors.ts'
import type { LogEvent } from '../runtime/events.ts'
import { limits } from '../runtime/limits.ts'
import { placeOf } from '../runtime/placement.ts'
import { realEffects, realTimers } from '../runtime/real-effects.ts'
import { Link } from '../runtime/transport.ts'
import { within } from '../runtime/within.ts'
import type { Listener } from './listeners.ts'
import { Listeners } from './net.ts'
import { flushThisTurn } from './outgoing.ts'
import { Relay } from './relay.ts'
import { SessionHost } from './session-host.ts'
import { movable } from './storage/body.ts'
import { openStorageClient } from './storage-client.ts'
import { exposeControl } from './thread.ts'
import { Handshakes } from './tls/handshakes.ts'
import type { Users } from './users.ts'

registerError('MailError', (error: MailError): [MailErrorCode, string] => [error.code, error.message], ([code, text]: [MailErrorCode, string]) => new MailError(code, text))

export interface SessionWorkerStart {
  index: number
  count: number
  config: Config
  listeners: Listener[]
  main: MessagePort
  /** One to each storage worker. */
  storage: MessagePort[]
  /** Whether the store honours conditions. */
  conditionalWrites: boolean
  /** Keys of TLS session tickets, the same for all workers. */
  ticketKeys: Uint8Array
}

/**
 * What arrives for a user from another worker: a delivery, or the wish that it be open for a session to come. (If that
 * does not come, the user is idle like any other and goes by itself.)
 */
type UserErrand = UserMessage | { kind: 'prepare'; account: Account }

/** For a user on another worker: a mail's bytes are copied once, and moved. */
function movableErrand(errand: UserErrand): { errand: UserErrand; transfer: ArrayBuffer[] } {
  if (errand.kind !== 'deliver') return { errand, transfer: [] }
  const { delivery } = errand
  const { body, transfer } = movable(delivery.draft.body)
  return { errand: { ...errand, delivery: { ...delivery, draft: { ...delivery.draft, body } } }, transfer }
}

class SessionWorker {
  readonly #start: SessionWorkerStart
  readonly #main: Link
  /** By the storage worker's number: a user has one of them. */
  readonly #storage: Link[]
  readonly #peers = new Map<number, { link: Link; relay: Relay }>()
  readonly #effects: ReturnType<typeof realEffects>
  readonly #handshakes: Handshakes
  readonly #host: SessionHost
  readonly #listeners: Listeners
  /** Settles when every connection has been closed. */
  #closed: Promise<void> = Promise.resolve()

  constructor(start: SessionWorkerStart) {
    this.#start = start
    this.#main = this.#link(start.main)
    this.#storage = start.storage.map((port) => this.#storageLink(port))
    this.#effects = realEffects({
      storage: openStorageClient((user) => this.#storage[placeOf(user, this.#storage.length)]!, start.conditionalWrites),
      ask: (to, message, options) => this.#ask(to, message, options),
      tell: (to, message) => this.#main.tell(to, message),
      emit: (event) => this.#log(event),
    })
    this.#handshakes = new Handshakes(this.#effects, () => this.#host.config, start.ticketKeys)
    this.#host = new SessionHost(this.#effects, start.config, {
      index: start.index,
      count: start.count,
      relayTo: (worker) => this.#peer(worker).relay,
    }, this.#handshakes)
    this.#listeners = new Listeners(this.#effects, () => this.#host.config, this.#host, this.#handshakes)
  }

  listen(): Promise<void> { return this.#listeners.listen(this.#start.listeners, this.#start.index === 0) }

  reload(config: Config): void { this.#host.config = config }

  connectStorage(index: number, port: MessagePort): void {
    this.#storage[index]!.close('the storage worker was restarted')
    this.#storage[index] = this.#storageLink(port)
  }

  connectPeer(index: number, port: MessagePort): void {
    this.#peers.get(index)?.link.close('the worker was restarted')
    const link = this.#link(port)
    link.handle('user', { ask: (errand: UserErrand) => this.#errand(errand) })
    this.#peers.set(index, { link, relay: new Relay(link, this.#host) })
  }

  async finish(reason: string, deadlineMs: number): Promise<void> {
    this.#closed = this.#listeners.close()
    await this.#host.finish(reason, deadlineMs)
  }

  forgetAccounts(): void { this.#host.accounts.forget() }

  get users(): Users { return this.#host.users }

  kick(keys: string[], reason: string): Promise<void> { return this.#host.kick(new Set(keys), reason) }

  async stop(deadlineMs: number): Promise<void> {
    const until = this.#effects.clock.monotonic() + deadlineMs
    // What clients were told last has to reach them, by the relay perhaps.
    await within(realTimers, Math.min(limits.lingerMs, deadlineMs / 2), this.#closed)
    try {
      await this.#host.users.stop(until - this.#effects.clock.monotonic())
    } catch (error) {
      this.#effects.emit({ level: 'error', name: 'worker.stop', text: `a user could not be closed: ${messageOf(error)}` })
    }
    this.#effects.files.close()
    // Closing sends what has been said: the thread may be ended before the end of this turn.
    for (const link of [this.#main, ...[...this.#peers.values()].map((peer) => peer.link)]) link.close()
  }

  describe(): { sessions: number; users: number } {
    return { sessions: this.#host.sessionCount, users: this.#host.users.size }
  }

  #link(port: MessagePort): Link {
    return new Link(port, {
      timers: realTimers,
      turn: (flush) => flushThisTurn({ flush }),
      onBug: (error) => this.#main.tell('log', { level: 'error', name: 'worker.bug', text: String(error instanceof Error ? error.stack : error) }),
    })
  }

  #storageLink(port: MessagePort): Link {
    const link = this.#link(port)
    link.handle('log', { tell: (event: LogEvent) => this.#log(event) })
    return link
  }

  /** What went wrong is told at once: this thread may be at its end. */
  #log(event: LogEvent): void {
    if (event.level === 'error' || event.level === 'warning') this.#main.tell('log', event)
    else this.#main.note('log', event)
  }

  #peer(worker: number): { link: Link; relay: Relay } {
    const peer = this.#peers.get(worker)
    if (peer === undefined || !peer.link.open) throw new TempFail('the user\'s session worker is being restarted')
    return peer
  }

  #ask<Answer>(to: Address, message: unknown, options?: { deadlineMs?: number }): Promise<Answer> {
    if (!to.startsWith('user:')) return this.#main.ask(to, message, options)
    const home = placeOf(to.slice('user:'.length), this.#start.count)
    if (home === this.#start.index) return this.#errand(message as UserErrand) as Promise<Answer>
    try {
      const { errand, transfer } = movableErrand(message as UserErrand)
      return this.#peer(home).link.ask('user', errand, { ...options, transfer })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #errand(errand: UserErrand): Promise<unknown> {
    if (errand.kind !== 'prepare') return this.#host.users.send(errand)
    await this.#host.users.get(errand.account)
    return undefined
  }
}

let worker: SessionWorker | undefined

const running = (): SessionWorker => {
  if (worker === undefined) throw new TempFail('the session worker has not been started')
  return worker
}

/** What the main thread may ask of this thread, over comlink. */
export interface SessionWorkerControl {
  start(start: SessionWorkerStart): void
  /** What holds for sessions that begin, and users that are opened, from now on. */
  reload(config: Config): void
  /** What the databases have said is asked anew. */
  forgetAccounts(): void
  connectStorage(index: number, port: MessagePort): void
  connectPeer(index: number, port: MessagePort): void
  listen(): Promise<void>
  /** Accepts no more and ends all sessions. Users stay, for the other workers' sessions that deliver to them. */
  finish(reason: string, deadlineMs: number): Promise<void>
  /** Users that are not in memory are refused from now on, or are not. */
  refuse(refused: boolean): void
  /** Removes a user's local files if nothing is lost with them; `account` undefined: no database knows the user. */
  evict(user: string, directory: string, account: Account | undefined): Promise<boolean>
  /** Ends some connections, by what anvil knows them by. Settles when they have ended. */
  kick(keys: string[], reason: string): Promise<void>
  /** After `finish` everywhere: flushes and closes users and files. */
  stop(deadlineMs: number): Promise<void>
  describe(): { sessions: number; users: number }
}

const control: SessionWorkerControl = {
  start: (start) => { worker = new SessionWorker(start) },
  reload: (config) => running().reload(config),
  forgetAccounts: () => running().forgetAccounts(),
  connectStorage: (index, port) => running().connectStorage(index, port),
  connectPeer: (index, port) => running().connectPeer(index, port),
  listen: () => running().listen(),
  finish: (reason, deadlineMs) => running().finish(reason, deadlineMs),
  refuse: (refused) => { running().users.refusing = refused },
  evict: (user, directory, account) => (account === undefined ? running().users.forget(user, directory) : running().users.evict(account)),
  kick: (keys, reason) => running().kick(keys, reason),
  stop: (deadlineMs) => running().stop(deadlineMs),
  describe: () => running().describe(),
}

exposeControl(control)
