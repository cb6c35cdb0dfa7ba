// Auth: who is this, and what is known of them. One actor on the main thread; the databases are asked through `runLookup`,
// in the workers of the auth pool.
//
// - An internal failure is `temporary`, never `refused` or `unknown`: a mail must not bounce because LDAP is away.
// - A refused login is answered auth_failure_delay after it came, so that neither the user's existence nor the hash shows in
//   the time. Who goes on guessing waits longer (auth/penalty.ts). The databases hash for unknown users too, in case the delay is off.
// - Equal look-ups that run at the same time are made once, and remembered where auth_cache_size says so (auth/lookups.ts).

import type { Settings } from '../conf/settings.ts'
import type { Actor, Description } from '../runtime/actor.ts'
import type { Effects } from '../runtime/effects.ts'
import { messageOf } from '../runtime/errors.ts'
import { accountOf } from './auth/account.ts'
import { beginLogin } from './auth/begin-login.ts'
import { waitMs } from './auth/delay-until.ts'
import { disabled } from './auth/disabled.ts'
import { isSet } from './auth/fields.ts'
import type { Login } from './auth/login.ts'
import { newLogin } from './auth/login.ts'
import { AuthCache } from './auth/cache.ts'
import type { CacheTimes } from './auth/cache.ts'
import { Lookups } from './auth/lookups.ts'
import type { Remembered } from './auth/lookups.ts'
import { loginName } from './auth/login-name.ts'
import type { RunLookup, Say } from './auth/lookup.ts'
import type { PassdbOutcome } from './auth/passdb-chain.ts'
import { createHmac } from 'node:crypto'
import { Penalties } from './auth/penalty.ts'
import { PassdbChain } from './auth/passdb-chain.ts'
import { proxyAnswer } from './auth/proxying.ts'
import { sayer } from './auth/sayer.ts'
import { UserdbChain } from './auth/userdb-chain.ts'
import { differByConnection } from './auth/variables.ts'
import { Waits } from './auth/waits.ts'
import type {
  AnyAuthAnswer, AnyAuthRequest, AuthAnswer, AuthRequest, FlushAnswer, LoginRequest, LookupRequest, PassdbAnswer, SaltAnswer, SaltRequest, UsersAnswer,
} from './auth-messages.ts'

export interface AuthOptions {
  effects: Pick<Effects, 'clock' | 'timers' | 'random' | 'emit'>
  settings: Settings
  /** Runs one look-up somewhere: in the auth pool; in tests right here. */
  runLookup: RunLookup
  /** Which look-ups may be remembered, and by what; default: none. */
  remembered?: Remembered
}

export interface AuthActor extends Actor<AnyAuthRequest, AnyAuthAnswer> {
  /** Works by these from the next question on. */
  reload(settings: Settings): void
}

/** The auth actor, for the address `auth`. */
export const createAuth = (options: AuthOptions): AuthActor => new Auth(options)

class Auth implements AuthActor {
  readonly concurrent = true
  readonly #effects: AuthOptions['effects']
  #settings: Settings
  /** Accounts have something of the connection in them. */
  #differing: boolean
  readonly #cache: AuthCache
  readonly #lookups: Lookups
  readonly #penalties: Penalties
  /** Of hashes of what was tried. */
  readonly #secret: Uint8Array
  readonly #waits: Waits
  #running = 0
  readonly #answered: Record<string, number> = {}
  #stopping = false

  constructor({ effects, settings, runLookup, remembered = () => undefined }: AuthOptions) {
    this.#effects = effects
    this.#settings = settings
    this.#waits = new Waits(effects)
    this.#penalties = new Penalties(effects.clock)
    this.#secret = effects.random.bytes(32)
    this.#cache = new AuthCache(effects.clock, effects.random.bytes(32), cacheTimes(settings))
    this.#lookups = new Lookups(runLookup, (task) => {
      const by = remembered(task)
      return by === 'constant' || this.#settings.auth_cache_size > 0 ? by : undefined
    }, this.#cache)
    this.#differing = differByConnection(settings)
  }

  reload(settings: Settings): void {
    this.#settings = settings
    this.#differing = differByConnection(settings)
    const { hits, misses, entries, bytes } = this.#cache.figures
    if (hits + misses > 0) {
      this.#effects.emit({
        level: 'info', name: 'auth.cache', service: 'auth', values: { hits, misses, entries, bytes },
        text: `cache flushed: ${hits} hits, ${misses} misses, ${entries} entries in ${bytes} bytes`,
      })
    }
    this.#cache.reset(cacheTimes(settings))
  }

  async receive(request: AnyAuthRequest): Promise<AnyAuthAnswer> {
    if (this.#stopping) return { status: 'temporary', reason: 'the server is shutting down' }
    this.#running++
    try {
      const answer = await this.#answer(request)
      this.#answered[answer.status] = (this.#answered[answer.status] ?? 0) + 1
      return answer
    } catch (error) {
      if (request.kind === 'login' || request.kind === 'lookup') this.#sayer(request)('error', 'auth', `Internal error: ${messageOf(error)}`)
      return { status: 'temporary', reason: messageOf(error) }
    } finally {
      this.#running--
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#waits.release()
  }

  describe(): Description {
    return { kind: 'auth', name: 'auth', values: { running: this.#running, lookups: this.#lookups.running, ...cacheValues(this.#cache), ...this.#answered } }
  }

  #answer(request: AnyAuthRequest): Promise<AnyAuthAnswer> {
    switch (request.kind) {
      case 'login': return this.#login(request)
      case 'lookup': return this.#lookup(request)
      case 'salt': return this.#salt(request)
      case 'passdb': return this.#passdb(request.of)
      case 'users': return this.#users()
      case 'flush': return Promise.resolve(this.#flush(request.users))
    }
  }

  async #login(request: LoginRequest): Promise<AuthAnswer> {
    const { ip } = request.remote
    const penalised = request.trusted !== true && (this.#settings.service['anvil']?.unix_listener['anvil-auth-penalty']?.mode ?? 0) !== 0
    const known = this.#penalties.of(ip)
    if (penalised) await this.#waits.until(this.#effects.clock.monotonic() + this.#penalties.waitMs(ip))
    const begun = this.#effects.clock.monotonic()
    const { answer, login } = await this.#verify(request)
    const held = await this.#hold(request, login)
    if (held !== undefined) return held
    if (answer.status === 'ok') this.#penalties.succeeded(ip)
    else if (penalised && answer.status === 'refused') this.#penalties.failed(ip, this.#tried(request), known)
    const delays = (answer.status === 'refused' || answer.status === 'disabled') && !(login !== undefined && isSet(login.fields, 'nodelay'))
    if (delays) await this.#waits.until(begun + this.#settings.auth_failure_delay)
    return answer
  }

  /** Waits as the user's delay_until says; an answer, where that is for longer than anybody may wait. */
  async #hold(request: LoginRequest, login: Login | undefined): Promise<AuthAnswer | undefined> {
    if (login?.delay === undefined) return undefined
    const wait = waitMs(login.delay, this.#effects)
    if (wait !== undefined) await this.#waits.until(this.#effects.clock.monotonic() + wait)
    else this.#sayer(request, login.user)('error', 'auth', 'delay_until is too much in the future, failing')
    return wait === undefined ? { status: 'refused' } : undefined
  }

  #tried({ username, password, proof }: LoginRequest): string | undefined {
    return proof === undefined ? createHmac('sha256', this.#secret).update(`${username}\0${password}`).digest('base64').slice(0, 16) : undefined
  }

  async #verify(request: LoginRequest): Promise<{ answer: AuthAnswer; login?: Login }> {
    const login = beginLogin(request, this.#settings, this.#sayer(request))
    if (login === undefined) return { answer: { status: 'refused' } }
    const say = this.#sayer(request, login.user)
    const passdbs = this.#passdbs(say)
    if (this.#settings.auth_ssl_require_client_cert && request.tls?.certificate?.valid !== true) {
      say('info', 'auth', "Client didn't present valid SSL certificate")
      return { answer: { status: 'refused' }, login }
    }
    const outcome = await this.#checkPassword(request, login, passdbs, say)
    if (outcome !== 'ok') return { answer: { status: outcome }, login }
    const proxied = proxyAnswer(login, this.#settings, say)
    if (proxied !== undefined) return { answer: proxied, login }
    if (isSet(login.fields, 'nologin')) return { answer: disabled(login), login }
    return { answer: await this.#account(login, passdbs, say), login }
  }

  async #checkPassword(request: LoginRequest, login: Login, passdbs: PassdbChain, say: Say): Promise<PassdbOutcome> {
    const byCertificate = request.mechanism === 'EXTERNAL' && request.tls?.certificate?.valid === true
    if (request.password === '' && request.proof === undefined && !byCertificate) {
      say('info', 'auth', 'Empty password')
      return 'refused'
    }
    if (login.wanted !== undefined && !passdbs.hasMasters) {
      say('info', 'auth', 'Attempted master login with no master passdbs')
      return 'refused'
    }
    // The certificate has proved who it is: the passdbs only say whether they know that one, and what of it.
    if (byCertificate) login.verified = true
    return passdbs.verify(login, request.mechanism, request.proof ?? request.password)
  }

  /** Tells nobody who is known: strangers have a salt of their own. */
  async #salt({ hash, of }: SaltRequest): Promise<SaltAnswer> {
    const login = beginLogin(of, this.#settings, this.#sayer(of))
    if (login === undefined) return { status: 'refused' }
    const say = this.#sayer(of, login.user)
    const passdbs = this.#passdbs((level, driver, text) => { if (level === 'error' || level === 'warning') say(level, driver, text) })
    const outcome = login.wanted !== undefined && !passdbs.hasMasters ? 'refused' : await passdbs.verify(login, of.mechanism, { hash })
    if (outcome === 'temporary') return { status: 'temporary' }
    return login.salt === undefined ? { status: 'refused' } : { status: 'ok', ...login.salt.salt }
  }

  /** The passdbs alone, without the delay that strangers get. */
  async #passdb(request: AuthRequest): Promise<PassdbAnswer> {
    const login = beginLogin(request, this.#settings, this.#sayer(request))
    if (login === undefined) return { status: 'refused' }
    const say = this.#sayer(request, login.user)
    const passdbs = this.#passdbs(say)
    if (request.kind === 'lookup') login.verified = true
    const outcome = request.kind === 'lookup'
      ? await passdbs.verify(login, '', '')
      : await this.#checkPassword(request, login, passdbs, say)
    if (outcome !== 'ok') return { status: outcome }
    const userdb = Object.entries(login.userdb).map(([name, value]) => [`userdb_${name}`, value])
    return { status: 'ok', user: login.user, fields: { ...login.fields, ...Object.fromEntries(userdb) } }
  }

  #flush(names: readonly string[]): FlushAnswer {
    const users = names.map((name) => loginName(name, this.#settings)).map((name, n) => (name.ok ? name.user : names[n]!))
    return { status: 'ok', flushed: this.#cache.flush(names.length === 0 ? undefined : new Set(users)) }
  }

  async #users(): Promise<UsersAnswer> {
    const users = new Set<string>()
    const userdbs = this.#settings.userdb.filter(({ driver }) => driver !== 'prefetch')
    let listing = 0
    let reason = 'no userdb can list its users'
    for (const { driver, args } of userdbs) {
      const result = await this.#lookups.run({ kind: 'users', driver, args, variables: {} })
      if (result.status === 'temporary') return { status: 'temporary', reason: result.reason ?? `userdb ${driver} is away` }
      if (result.status !== 'ok') { reason = result.reason ?? reason; continue }
      listing++
      for (const user of result.users ?? []) users.add(user)
    }
    return listing === 0 ? { status: 'temporary', reason } : { status: 'ok', users: [...users] }
  }

  async #lookup(request: LookupRequest): Promise<AuthAnswer> {
    const name = loginName(request.username, this.#settings)
    if (!name.ok) {
      this.#sayer(request)('info', 'auth', name.reason)
      return { status: 'unknown' }
    }
    const say = this.#sayer(request, name.user)
    const login = newLogin(request, name.user)
    const passdbs = this.#passdbs(say)
    if (request.proxy === true) {
      const found = await passdbs.find(login)
      if (found.outcome === 'temporary') return { status: 'temporary' }
      const proxied = found.outcome === 'ok' ? proxyAnswer(found.login, this.#settings, say) : undefined
      if (proxied !== undefined) return proxied
    }
    const answer = await this.#account(login, passdbs, say)
    return answer.status !== 'ok' || login.lastsMs <= 0 || this.#differing ? answer : { ...answer, lastsMs: login.lastsMs }
  }

  async #account(login: Login, passdbs: PassdbChain, say: Say): Promise<AuthAnswer> {
    const userdbs = new UserdbChain(this.#settings.userdb, passdbs, (task) => this.#lookups.run(task), say)
    const outcome = await userdbs.find(login)
    if (outcome === 'unknown' && login.verified) {
      say('error', 'userdb', 'Logged-in user not found from any userdb')
      return { status: 'temporary' }
    }
    if (outcome !== 'ok') return { status: outcome }
    const result = accountOf(login, this.#settings)
    if (result.ok) return { status: 'ok', account: result.account, ...(login.signature === undefined ? {} : { signature: login.signature }) }
    say('error', 'userdb', result.reason)
    return { status: 'temporary' }
  }

  /** `user`: the name as it is now; absent: as typed. */
  #sayer(request: AuthRequest, user = request.username): Say { return sayer(request, user, this.#settings, (event) => this.#effects.emit(event)) }

  #passdbs(say: Say): PassdbChain {
    const { passdb, auth_verbose_passwords, auth_debug_passwords } = this.#settings
    return new PassdbChain(passdb, (task) => this.#lookups.run(task), say, auth_debug_passwords ? 'plain' : auth_verbose_passwords)
  }

}

const cacheTimes = (settings: Settings): CacheTimes =>
  ({ sizeBytes: settings.auth_cache_size, ttlMs: settings.auth_cache_ttl, negativeTtlMs: settings.auth_cache_negative_ttl })

function cacheValues({ figures }: AuthCache): Record<string, number> {
  return { cache_hits: figures.hits, cache_misses: figures.misses, cache_entries: figures.entries, cache_bytes: figures.bytes }
}
