// The process: which threads there are, and what happens when one dies. How they find each other is in mesh.ts.
//
//                 main: supervision, auth actor (and its piscina pool), anvil, log
//   session worker 0 … N-1  ── storage worker ──► object store       every pair that talks has a port of its own
//
// A thread that dies is started again and given new ports; the others get the ends that lead to it. What it had
// acknowledged is in journals and the store, so nothing else is needed.

import type { MessagePort } from 'node:worker_threads'
import fs from 'node:fs'
import os from 'node:os'
import { createAnvil } from '../actors/anvil.ts'
import type { ServiceBounds } from '../actors/anvil.ts'
import type { AnvilAnswer, AnvilMessage } from '../actors/anvil-messages.ts'
import { createAuth } from '../actors/auth.ts'
import type { AuthActor } from '../actors/auth.ts'
import type { AnyAuthAnswer, AnyAuthRequest, AuthAnswer, FlushRequest } from '../actors/auth-messages.ts'
import type { CacheAnswer, MasterMessage, ReloadAnswer, WorkersAnswer } from '../actors/master-messages.ts'
import { Metacache, checkMetacache } from '../actors/metacache.ts'
import type { MetacacheMessage, MetacacheRequest } from '../actors/metacache-messages.ts'
import type { KnownUser } from '../actors/metacache-userdb.ts'
import { connectionBound, explainServices } from '../conf/service-limits.ts'
import { differenceOf } from '../conf/diff.ts'
import type { Config } from '../conf/load.ts'
import { loadConfig, settingsFor } from '../conf/load.ts'
import type { Settings } from '../conf/settings.ts'
import { ConfigError, TempFail, messageOf } from '../runtime/errors.ts'
import type { LogEvent } from '../runtime/events.ts'
import { limits } from '../runtime/limits.ts'
import { Mailbox } from '../runtime/mailbox.ts'
import { placeOf } from '../runtime/placement.ts'
import { realEffects, realTimers } from '../runtime/real-effects.ts'
import { Supervisor } from '../runtime/supervisor.ts'
import { Link } from '../runtime/transport.ts'
import { within } from '../runtime/within.ts'
import { AuthPool } from './auth-pool.ts'
import { checkMailLocation, checkNamespaces, checkStores, noteUsers } from './boot-checks.ts'
import { listenersOf, probe } from './listeners.ts'
import type { Listener } from './listeners.ts'
import { openLog } from './log.ts'
import type { Log } from './log.ts'
import { Mesh, ifAlive } from './mesh.ts'
import type { SessionThread, StorageThread } from './mesh.ts'
import { ProcessTitle } from './process-title.ts'
import type { StorageWorkerControl } from './storage-worker.ts'
import { tlsOf } from './storage/tls.ts'
import { identityNotes } from './system-identity.ts'
import type { Remote } from './thread.ts'
import { checkTls, someoneHasTls } from './tls/check.ts'

export class Server {
  #listeners: readonly Listener[]
  #config: Config
  /** What there is to say of its TLS. */
  #notes: string[]
  readonly #log: Log
  readonly #effects: ReturnType<typeof realEffects>
  readonly #sessions: Supervisor<SessionThread>[]
  readonly #storage: Supervisor<StorageThread>[]
  readonly #pool: AuthPool
  readonly #authActor: AuthActor
  readonly #auth: Mailbox<AnyAuthRequest, AnyAuthAnswer>
  readonly #anvil: ReturnType<typeof createAnvil>
  readonly #title = new ProcessTitle(realTimers, () => (settingsFor(this.#config, {}).verbose_proctitle ? this.#anvil.services : undefined))
  readonly #metacache: Metacache
  readonly #mesh: Mesh
  readonly #overrides: readonly string[]

  /** Checks what can be checked without starting anything. `overrides`: as the configuration was loaded with. ConfigError: one clear line. */
  constructor(config: Config, overrides: readonly string[] = []) {
    this.#config = config
    this.#overrides = overrides
    const settings = settingsFor(config, {})
    checkDirectory('mail_temp_dir', settings.mail_temp_dir)
    checkNamespaces(config)
    checkMailLocation(config)
    this.#notes = [...checkTls(config), ...noteUsers(config)]
    this.#listeners = listenersOf(settings, someoneHasTls(config))
    if (!this.#listeners.some(({ protocol }) => protocol !== 'admin')) throw new ConfigError('nothing to serve: no enabled protocol has a listener (see `protocols` and `service`)')
    this.#log = openLog(() => settingsFor(this.#config, {}))
    this.#effects = realEffects({
      storage: () => { throw new TempFail('the main thread has no storage') },
      ask: (to) => Promise.reject(new TempFail(`nobody at ${to}`)),
      tell: () => {},
      emit: this.#log,
    })
    this.#pool = new AuthPool(settings)
    this.#authActor = createAuth({ effects: this.#effects, settings, runLookup: (lookup) => this.#pool.run(lookup), remembered: (lookup) => this.#pool.remembered(lookup) })
    this.#auth = new Mailbox(this.#authActor, this.#effects.clock, limits.authWaiting)
    this.#anvil = createAnvil(serviceBounds(config), (worker, keys) => { this.#kick(worker, keys) })
    this.#metacache = new Metacache({ effects: this.#effects, evict: (user, known) => this.#evict(user, known), refuse: (refused) => { this.#refuse(refused) } }, settings)
    const count = workerCount(settings)
    this.#mesh = new Mesh({
      sessions: count, storage: settings.culver_storage_workers,
      config: () => this.#config, listeners: () => this.#listeners, refusing: () => this.#metacache.status.refusing,
      serve: (port) => this.#serve(port), log: this.#log,
    })
    this.#storage = Array.from({ length: settings.culver_storage_workers }, (_, index) => new Supervisor<StorageThread>(this.#effects, {
      name: settings.culver_storage_workers === 1 ? 'storage worker' : `storage worker ${index}`,
      start: () => this.#mesh.startStorage(index),
    }))
    this.#sessions = Array.from({ length: count }, (_, index) => new Supervisor<SessionThread>(this.#effects, {
      name: `session worker ${index}`,
      start: () => this.#mesh.startSession(index),
      lost: () => {
        this.#anvil.dropWorker(index)
        this.#title.changed()
        this.#metacache.dropWorker((user) => placeOf(user, this.#sessions.length) === index)
      },
    }))
  }

  /** Where clients may connect. */
  get listeners(): readonly Listener[] { return this.#listeners }

  get workerCount(): number { return this.#sessions.length }

  /** Starts everything; settles when every listener listens. */
  async start(): Promise<void> {
    this.#title.changed()
    const settings = settingsFor(this.#config, {})
    try {
      tlsOf(settings)
      checkStores(this.#config)
      await this.#probeListeners()
      this.#notes = [...this.#notes, ...await identityNotes(settings)]
      this.#reportConfig()
      await Promise.all(this.#storage.map((supervisor) => supervisor.start()))
      await Promise.all(this.#sessions.map((supervisor) => supervisor.start()))
      await this.#metacache.start()
      // Nobody listens before all can reach each other.
      await this.#mesh.listen()
    } catch (error) {
      await this.stop(0)
      throw error
    }
  }

  /** Stops accepting, finishes commands, flushes users, ends every thread. Settles within `deadlineMs`. */
  async stop(deadlineMs: number = limits.shutdownMs): Promise<void> {
    const { clock } = this.#effects
    const until = clock.monotonic() + deadlineMs
    this.#mesh.listening = false
    // Every session ends before any thread does: its socket, or users that it delivers to, may be on another one.
    const finished = this.#mesh.sessions.map((thread) =>
      thread.call((control) => control.finish('Server shutting down.', deadlineMs / 2)).catch(() => {}))
    await within(realTimers, deadlineMs / 2, Promise.all(finished))
    for (const thread of this.#mesh.storage) thread.call((control) => control.hurry()).catch(() => {})
    const left = until - clock.monotonic()
    await Promise.all(this.#sessions.map((supervisor) => supervisor.stop(left * 0.8)))
    await this.#metacache.stop()
    await Promise.all(this.#storage.map((supervisor) => supervisor.stop(until - clock.monotonic())))
    await this.#pool.stop()
  }

  /**
   * Reads the configuration again: it holds for sessions that begin and users that are opened from now on. Lines for people: what
   * is doubtful in it, what waits for the next start. ConfigError: it is wrong, and nothing has changed.
   */
  async reload(): Promise<ReloadAnswer> {
    const config = loadConfig(this.#config.path, this.#overrides)
    const settings = settingsFor(config, {})
    checkStores(config)
    checkNamespaces(config)
    checkMailLocation(config)
    const notes = [...checkTls(config), ...noteUsers(config)]
    checkMetacache(settings)
    this.#pool.reload(settings)
    const { now, atNextStart } = differenceOf(this.#config, config)
    this.#config = config
    this.#notes = notes
    this.#authActor.reload(settings)
    this.#anvil.reload(serviceBounds(config))
    this.#title.changed()
    this.#metacache.reload(settings)
    await Promise.all(this.#mesh.sessions.map((thread) => ifAlive(thread, thread.call((control) => control.reload(config)))))
    this.#log({ level: 'info', name: 'config.reloaded', service: 'config', text: `reloaded, ${now.length === 0 ? 'no setting has changed' : `changed: ${now.join(', ')}`}` })
    if (atNextStart.length > 0) this.#log({ level: 'warning', name: 'config.at_next_start', service: 'config', text: waits(atNextStart) })
    this.#reportConfig()
    return [...config.warnings, ...this.#pool.notes, ...notes, ...(atNextStart.length === 0 ? [] : [waits(atNextStart)])]
  }

  /** The same for a signal: what is wrong goes to the log. */
  async reloadOrSay(): Promise<void> {
    try {
      await this.reload()
    } catch (error) {
      this.#log({ level: 'error', name: 'config.reload', service: 'config', text: `not reloaded: ${messageOf(error).replaceAll('\n', '; ')}` })
    }
  }

  /** Begins log files anew that have been moved away. Why it could not: a line for each. */
  reopenLogs(): string[] { return this.#log.reopen() }

  /** Threads and look-ups. */
  get workers(): WorkersAnswer {
    return { session: { threads: this.#mesh.sessions.length }, storage: { threads: this.#mesh.storage.length }, auth: this.#pool.state }
  }

  /** Ends threads as a crash would (tests, drills): a session worker, those of the auth pool or of the store; they are started again. */
  async kill(thread: 'storage' | 'auth' | number): Promise<void> {
    if (thread === 'auth') return this.#pool.kill()
    await Promise.all((thread === 'storage' ? this.#storage : this.#sessions.slice(thread, thread + 1)).map((supervisor) => supervisor.child?.kill()))
  }

  /** Sessions and users on each session worker that runs. */
  describe(): Promise<{ sessions: number; users: number }[]> {
    return Promise.all(this.#mesh.sessions.map((thread) => thread.call((control) => control.describe())))
  }

  async #probeListeners(): Promise<void> {
    const usable: Listener[] = []
    for (const listener of this.#listeners) if (await probe(listener)) usable.push(listener)
    this.#listeners = usable
  }

  /** What session workers keep of its answers is forgotten with the auth actor's own. */
  async #flush(request: FlushRequest): Promise<AnyAuthAnswer> {
    const answer = await this.#auth.send(request)
    await Promise.all(this.#mesh.sessions.map((thread) => ifAlive(thread, thread.call((control) => control.forgetAccounts()))))
    return answer
  }

  /** Ends connections of a worker. One that dies meanwhile has ended them. */
  #kick(worker: number, keys: string[]): void {
    this.#mesh.session(worker)?.call((control) => control.kick(keys, 'Kicked by admin.')).catch(() => {})
  }

  /** Has a user's home remove its local files. */
  async #evict(user: string, { directory, unsaved }: KnownUser): Promise<boolean> {
    const answer = await this.#auth.send({ kind: 'lookup', service: 'metacache', username: user, session: '' }) as AuthAnswer
    if (answer.status === 'temporary') throw new TempFail('the user databases do not answer')
    if (answer.status !== 'ok' && unsaved) throw new TempFail('no user database knows the user, so that what is not uploaded cannot be')
    const account = answer.status === 'ok' ? answer.account : undefined
    const thread = this.#mesh.session(placeOf(account?.user ?? user, this.#sessions.length))
    if (thread === undefined) throw new TempFail('its session worker is being restarted')
    return thread.call((control) => control.evict(user, directory, account))
  }

  #refuse(refused: boolean): void {
    for (const thread of this.#mesh.sessions) thread.call((control) => control.refuse(refused)).catch(() => {})
  }

  #reportConfig(): void {
    const { warnings, notActedOn } = this.#config
    for (const text of [...warnings, ...this.#pool.notes, ...this.#notes]) this.#log({ level: 'warning', name: 'config.warning', service: 'config', text })
    if (notActedOn.length > 0) {
      this.#log({ level: 'warning', name: 'config.not_acted_on', service: 'config', text: `known settings that have no effect yet: ${notActedOn.join(', ')}` })
    }
    for (const text of explainServices(this.#config)) this.#log({ level: 'info', name: 'config.service', service: 'config', text })
  }

  #administer(message: MasterMessage): Promise<ReloadAnswer | CacheAnswer> | WorkersAnswer | string[] {
    switch (message.kind) {
      case 'reload': return this.reload()
      case 'reopen-logs': return this.reopenLogs()
      case 'auth-workers':
        this.#pool.resize(message.count)
        return this.workers
      case 'workers': return this.workers
      case 'caches': return this.#caches((control) => control.statistics().then(({ caches }) => caches))
      case 'rescan-caches': return this.#caches((control) => control.rescanCaches(message.directory))
    }
  }

  /** Of all storage workers, in their order: each has a part of every cache. */
  async #caches(ask: (control: Remote<StorageWorkerControl>) => Promise<CacheAnswer>): Promise<CacheAnswer> {
    return (await Promise.all(this.#mesh.storage.map((thread) => thread.call(ask)))).flat()
  }

  /** This thread's end of a session worker's main link. */
  #serve(port: MessagePort): void {
    const link = new Link(port, {
      timers: realTimers,
      turn: setImmediate,
      onBug: (error) => this.#log({ level: 'error', name: 'main.bug', text: String(error instanceof Error ? error.stack : error) }),
    })
    link.handle('auth', { ask: (request: AnyAuthRequest) => (request.kind === 'flush' ? this.#flush(request) : this.#auth.send(request)) })
    const anvil = (message: AnvilMessage): AnvilAnswer => {
      this.#title.changed()
      return this.#anvil.receive(message)
    }
    link.handle('anvil', { ask: anvil, tell: anvil })
    link.handle('master', { ask: (message: MasterMessage) => this.#administer(message) })
    link.handle('metacache', { ask: (request: MetacacheRequest) => this.#metacache.ask(request), tell: (message: MetacacheMessage) => { this.#metacache.receive(message) } })
    link.handle('log', { tell: (event: LogEvent) => this.#log(event) })
  }
}

const waits = (names: readonly string[]): string => `waits for the next start: ${names.join(', ')}`

/** `service imap { process_limit … }` and the like bound connections that have logged in. */
const serviceBounds = (config: Config): ServiceBounds => ({ imap: connectionBound(config, 'imap') })

/** `culver_session_workers`, or the cores of this machine. */
const workerCount = (settings: Settings): number =>
  settings.culver_session_workers > 0 ? settings.culver_session_workers : os.availableParallelism()

function checkDirectory(setting: string, directory: string): void {
  try {
    fs.mkdirSync(directory, { recursive: true })
    fs.accessSync(directory, fs.constants.W_OK)
  } catch (error) {
    throw new ConfigError(`${setting} = ${directory} cannot be written: ${messageOf(error)}`)
  }
}
