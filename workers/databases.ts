// What a passdb and a userdb driver are to the auth workers: where entries come from. What entries mean (chains, rules,
// fields) is the auth actor's business.

import type { Fields, LookupResult } from '../actors/auth/lookup.ts'
import type { Variables } from '../conf/expand.ts'
import type { Files } from '../runtime/effects.ts'

/** A stored password, and the scheme it has where it names none. */
export interface Secret { text: string; scheme: string }

/** The password among the fields that a database gives, and the others. `password_noscheme` has no `{SCHEME}`, whatever it begins with. */
export function takeSecret(all: Fields, scheme: string): { secret?: Secret; fields: Fields } {
  const { password, password_noscheme: bare, ...fields } = all
  const text = bare === undefined || bare === '' ? password : `{${scheme}}${bare}`
  return text === undefined || text === '' ? { fields } : { fields, secret: { text, scheme } }
}

/** `decoy`: a secret of other users' kind, checked in vain so that an unknown user takes as long as a known one. */
export type PassdbEntry =
  | { status: 'ok'; secret?: Secret; fields: Fields; warning?: string }
  | { status: 'unknown'; decoy?: Secret }

export type UserdbEntry = { status: 'ok'; fields: Fields; warning?: string } | { status: 'unknown' }

interface OpenSource {
  /** Lines for the log at start: what in the database's own file has no effect or is doubtful. */
  notes?: readonly string[]
  /**
   * Its answers may be remembered (auth_cache_size): the names of all %variables that decide them, beside `user`, as namesIn gives
   * them. Absent: each question is asked anew, as it must be where answers end by themselves (tokens).
   */
  remembered?: readonly string[]
  /**
   * Its `lookup` answers from `args` and the variables alone, and computes little: it is made where it is asked for, which costs
   * less than to wake a thread for it, and its answer holds as long as the configuration does.
   */
  constant?: boolean
}

/** An opened passdb. Errors: TempFail (away), anything else is a bug; both answer `temporary`. */
export interface PassdbSource extends OpenSource {
  lookup(variables: Variables): Promise<PassdbEntry>
  /** For databases that check passwords themselves and give out none (an LDAP bind). */
  verify?(variables: Variables, password: string): Promise<LookupResult>
}

/** An opened userdb. Errors as above. */
export interface UserdbSource extends OpenSource {
  lookup(variables: Variables): Promise<UserdbEntry>
  /** The names of all users, for databases that can list them. */
  iterate?(): AsyncIterable<string>
}

/** The doors a driver gets. */
export interface DatabaseWorld {
  files: Pick<Files, 'read' | 'stat'>
  /** Of all threads, and of this run of the server: salts that SCRAM needs are made with it. */
  saltKey?: Uint8Array
}

/** A driver's nature. */
export interface Traits {
  /** Its look-ups wait for a network rather than compute: more threads than cores are of use. */
  waits?: boolean
}

/** A driver: `open` reads `args` (ConfigError if it cannot) and connects as late as it likes. */
export interface Driver<Source> extends Traits { name: string; open(args: string, world: DatabaseWorld): Source }

const driver = <Options, Source>(
  name: string, parse: (args: string) => Options, open: (options: Options, world: DatabaseWorld) => Source, traits: Traits = {},
): Driver<Source> => ({ ...traits, name, open: (args, world) => open(parse(args), world) })

/** Declares a passdb driver; each file of workers/passdb/ exports one. */
export const passdb: <Options>(name: string, parse: (args: string) => Options, open: (options: Options, world: DatabaseWorld) => PassdbSource, traits?: Traits) => Driver<PassdbSource> = driver

/** Declares a userdb driver; each file of workers/userdb/ exports one. */
export const userdb: <Options>(name: string, parse: (args: string) => Options, open: (options: Options, world: DatabaseWorld) => UserdbSource, traits?: Traits) => Driver<UserdbSource> = driver
