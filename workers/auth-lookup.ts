// One look-up in one database: what an auth worker does. Every failure of a database or of a stored secret is `temporary`.

import type { LookupResult, LookupTask } from '../actors/auth/lookup.ts'
import { isSet } from '../actors/auth/fields.ts'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import type { DatabaseWorld, Driver, PassdbEntry, PassdbSource, Secret, UserdbSource } from './databases.ts'
import { all as passdbs } from './passdb/index.ts'
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

  constructor(world: DatabaseWorld) {
    this.#world = world
  }

  /** Opens a database, or throws ConfigError. */
  passdb(name: string, args: string): PassdbSource {
    return opened(this.#passdbs, `${name} ${args}`, () => named('passdb', passdbs, name).open(args, this.#world))
  }

  userdb(name: string, args: string): UserdbSource {
    return opened(this.#userdbs, `${name} ${args}`, () => named('userdb', userdbs, name).open(args, this.#world))
  }

  /** Never rejects. */
  async run(task: LookupTask): Promise<LookupResult> {
    try {
      if (task.kind === 'user') return { fields: {}, ...await this.userdb(task.driver, task.args).lookup(task.variables) }
      const source = this.passdb(task.driver, task.args)
      if (task.kind === 'find') return found(await source.lookup(task.variables))
      if (source.verify !== undefined) return await source.verify(task.variables, task.password ?? '')
      return verified(await source.lookup(task.variables), task.password ?? '')
    } catch (error) {
      return { status: 'temporary', fields: {}, reason: messageOf(error) }
    }
  }
}

/** The configuration names these databases, so there are few: they stay open. */
function opened<Source>(sources: Map<string, Source>, key: string, open: () => Source): Source {
  const source = sources.get(key) ?? open()
  sources.set(key, source)
  return source
}

const found = (entry: PassdbEntry): LookupResult =>
  entry.status === 'ok' ? { status: 'ok', fields: entry.fields } : { status: 'unknown', fields: {} }

function verified(entry: PassdbEntry, password: string): LookupResult {
  if (entry.status === 'unknown') {
    if (entry.decoy !== undefined) burn(entry.decoy, password)
    return { status: 'unknown', fields: {} }
  }
  if (isSet(entry.fields, 'nopassword')) return { status: 'ok', fields: entry.fields }
  if (entry.secret === undefined) return { status: 'mismatch', fields: {}, reason: 'No password returned (and no nopassword)' }
  return verifyPassword(password, entry.secret.text, entry.secret.scheme)
    ? { status: 'ok', fields: entry.fields }
    : { status: 'mismatch', fields: {} }
}

/** Spends the time of a real check. */
function burn(decoy: Secret, password: string): void {
  try {
    verifyPassword(password, decoy.text, decoy.scheme)
  } catch (error) {
    if (!(error instanceof UnusableSecret)) throw error
  }
}
