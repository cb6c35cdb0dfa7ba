// What a passdb and a userdb driver are to the auth workers: where entries come from. What entries mean (chains, rules,
// fields) is the auth actor's business.

import type { Fields, LookupResult } from '../actors/auth/lookup.ts'
import type { Variables } from '../conf/expand.ts'
import type { Files } from '../runtime/effects.ts'

/** A stored password, and the scheme it has where it names none. */
export interface Secret { text: string; scheme: string }

/** `decoy`: a secret of other users' kind, checked in vain so that an unknown user takes as long as a known one. */
export type PassdbEntry =
  | { status: 'ok'; secret?: Secret; fields: Fields }
  | { status: 'unknown'; decoy?: Secret }

export type UserdbEntry = { status: 'ok'; fields: Fields } | { status: 'unknown' }

/** An opened passdb. Errors: TempFail (away), anything else is a bug; both answer `temporary`. */
export interface PassdbSource {
  lookup(variables: Variables): Promise<PassdbEntry>
  /** For databases that check passwords themselves and give out none (an LDAP bind). */
  verify?(variables: Variables, password: string): Promise<LookupResult>
}

/** An opened userdb. Errors as above. */
export interface UserdbSource { lookup(variables: Variables): Promise<UserdbEntry> }

/** The doors a driver gets. */
export interface DatabaseWorld { files: Pick<Files, 'read' | 'stat'> }

/** A driver: `open` reads `args` (ConfigError if it cannot) and connects as late as it likes. */
export interface Driver<Source> { name: string; open(args: string, world: DatabaseWorld): Source }

const driver = <Options, Source>(
  name: string, parse: (args: string) => Options, open: (options: Options, world: DatabaseWorld) => Source,
): Driver<Source> => ({ name, open: (args, world) => open(parse(args), world) })

/** Declares a passdb driver; each file of workers/passdb/ exports one. */
export const passdb: <Options>(name: string, parse: (args: string) => Options, open: (options: Options, world: DatabaseWorld) => PassdbSource) => Driver<PassdbSource> = driver

/** Declares a userdb driver; each file of workers/userdb/ exports one. */
export const userdb: <Options>(name: string, parse: (args: string) => Options, open: (options: Options, world: DatabaseWorld) => UserdbSource) => Driver<UserdbSource> = driver
