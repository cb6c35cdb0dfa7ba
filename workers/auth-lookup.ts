// One look-up in one database: what an auth worker does. Every failure of a database or of a stored secret is `temporary`.

import type { LookupResult, LookupTask, ScramClaim } from '../actors/auth/lookup.ts'
import { isSet } from '../actors/auth/fields.ts'
import { ConfigError, LimitExceeded, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'
import type { DatabaseWorld, Driver, PassdbEntry, PassdbSource, Secret, UserdbSource } from './databases.ts'
import { all as passdbs } from './passdb/index.ts'
import { derivedSalt, proved, salted } from './scram-lookup.ts'
import { usualIterations } from './password/scram.ts'
import { UnusableSecret } from './password/scheme.ts'
import { verifyPassword } from './password/verify.ts'
import { all as userdbs } from './userdb/index.ts'

function named<Source>(kind: string, drivers: readonly Driver<Source>[], name: string): Driver<Source> {
  const found = drivers.find((driver) => driver.name === name)
  if (found !== undefined) return found
  throw new ConfigError(`${kind}: unknown driver '${name}' (known: ${drivers.map((driver) => driver.name).join(', ')})`)
}

/** The databases of the configuration, opened when they are first asked. */
export class Databases {
  readonly #world: DatabaseWorld
  readonly #passdbs = new Map<string, PassdbSource>()
  readonly #userdbs = new Map<string, UserdbSource>()
  #waits = false

  constructor(world: DatabaseWorld) {
    this.#world = world
  }

  /** Whether some opened database waits for a network. */
  get waits(): boolean { return this.#waits }

  /** Whether some opened database gives out passwords, which are then compared here. */
  get computes(): boolean { return [...this.#passdbs.values()].some(({ verify }) => verify === undefined) }

  /** What the opened databases have to say at start, each line once. */
  get notes(): string[] {
    return [...new Set([...this.#passdbs.values(), ...this.#userdbs.values()].flatMap((source) => source.notes ?? []))]
  }

  /** Opens a database, or throws ConfigError. */
  passdb(name: string, args: string): PassdbSource {
    return opened(this.#passdbs, `${name} ${args}`, () => this.#open(named('passdb', passdbs, name), args))
  }

  userdb(name: string, args: string): UserdbSource {
    return opened(this.#userdbs, `${name} ${args}`, () => this.#open(named('userdb', userdbs, name), args))
  }

  /** Never rejects. */
  async run(task: LookupTask): Promise<LookupResult> {
    try {
      if (task.kind === 'user') return { fields: {}, ...await this.userdb(task.driver, task.args).lookup(task.variables) }
      if (task.kind === 'users') return await listed(this.userdb(task.driver, task.args), task.driver)
      const source = this.passdb(task.driver, task.args)
      if (task.kind === 'find') return found(await source.lookup(task.variables))
      if (task.scram !== undefined) return this.#scram(task.scram, await source.lookup(task.variables), task.variables)
      if (source.verify !== undefined) return await source.verify(task.variables, task.password ?? '')
      return verified(await source.lookup({ ...task.variables, password: task.password ?? '' }), task.password ?? '')
    } catch (error) {
      return { status: 'temporary', fields: {}, reason: messageOf(error) }
    }
  }

  #scram(claim: ScramClaim, entry: PassdbEntry, { user }: LookupTask['variables']): LookupResult {
    const derived = { salt: derivedSalt(this.#world.saltKey, typeof user === 'string' ? user : ''), iterations: usualIterations }
    return 'proof' in claim ? proved(entry, claim) : salted(entry, claim.hash, derived)
  }

  #open<Source>(driver: Driver<Source>, args: string): Source {
    const source = driver.open(args, this.#world)
    if (driver.waits === true) this.#waits = true
    return source
  }
}

async function listed(source: UserdbSource, name: string): Promise<LookupResult> {
  if (source.iterate === undefined) return { status: 'unknown', fields: {}, reason: `userdb ${name} cannot list its users` }
  const users: string[] = []
  for await (const user of source.iterate()) {
    if (users.push(user) > limits.listedUsers) throw new LimitExceeded('listedUsers', `userdb ${name} has more than ${limits.listedUsers} users`)
  }
  return { status: 'ok', fields: {}, users }
}

/** The configuration names these databases, so there are few: they stay open. */
function opened<Source>(sources: Map<string, Source>, key: string, open: () => Source): Source {
  const source = sources.get(key) ?? open()
  sources.set(key, source)
  return source
}

const found = (entry: PassdbEntry): LookupResult => (entry.status === 'ok' ? okResult(entry) : { status: 'unknown', fields: {} })

export const okResult = ({ fields, warning }: PassdbEntry & { status: 'ok' }): LookupResult =>
  ({ status: 'ok', fields, ...(warning === undefined ? {} : { warning }) })

function verified(entry: PassdbEntry, password: string): LookupResult {
  if (entry.status === 'unknown') {
    if (entry.decoy !== undefined) burn(entry.decoy, password)
    return { status: 'unknown', fields: {} }
  }
  const free = isSet(entry.fields, 'nopassword')
  if (entry.secret === undefined && free) return okResult(entry)
  if (entry.secret === undefined) return { status: 'mismatch', fields: {}, reason: 'No password returned (and no nopassword)' }
  if (verifyPassword(password, entry.secret.text, entry.secret.scheme)) return okResult(entry)
  // As in Dovecot: who meant both to hold will rather have the door closed.
  return { status: 'mismatch', fields: {}, ...(free ? { reason: 'Password mismatch (nopassword does not count beside a password)' } : {}) }
}

/** Spends the time of a real check. */
function burn(decoy: Secret, password: string): void {
  try {
    verifyPassword(password, decoy.text, decoy.scheme)
  } catch (error) {
    if (!(error instanceof UnusableSecret)) throw error
  }
}
