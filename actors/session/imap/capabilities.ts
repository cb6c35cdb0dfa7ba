// The CAPABILITY list, from the declarations of the commands, items, keys and mechanisms that exist. RFC 3501 §7.2.1.

import { Buffer } from 'node:buffer'
import type { Settings } from '../../../conf/settings.ts'
import { all as allMechanisms } from '../sasl/index.ts'
import type { Mechanism } from '../sasl/mechanism.ts'
import { announced } from './announced.ts'
import type { AnyCommand } from './command.ts'
import { all as fetchItems } from './fetch/index.ts'
import { all as listOptions } from './list-return/index.ts'
import { limitCapabilities } from './message-limit.ts'
import { all as searchKeys } from './search/index.ts'
import { all as resultOptions } from './search/returns/index.ts'

/** The mechanisms that auth_mechanisms names, in its order. */
export function mechanisms(settings: Settings): Mechanism[] {
  return settings.auth_mechanisms.flatMap((name) => allMechanisms.filter((m) => m.name === name.toUpperCase()))
}

/** Whether a password may cross this connection. */
export const plaintextAllowed = (settings: Settings, secured: boolean): boolean => secured || !settings.disable_plaintext_auth

/** Whatever may say that a capability exists because of it. */
interface Declares { readonly capability?: string | readonly string[]; offered?(settings: Settings): boolean }

const declared = (things: readonly Declares[], settings: Settings): string[] =>
  [...new Set(things.flatMap((thing) => (thing.offered?.(settings) === false ? [] : thing.capability ?? [])))].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

/** Which revisions are spoken: the second once it is switched on (RFC 9051 appendix A). */
const revisions = ['IMAP4rev1', 'IMAP4rev2']

const literals = (settings: Settings): string => (settings.imap_literal_minus ? 'LITERAL-' : 'LITERAL+')

/** Before login: what can be used now, and how to log in. */
export function preLoginCapability(commands: readonly AnyCommand[], settings: Settings, secured: boolean): string {
  const now = commands.filter((c) => c.states.includes('any') || c.states.includes('notauthenticated'))
  const plaintext = plaintextAllowed(settings, secured)
  const auth = mechanisms(settings).filter((m) => plaintext || !m.plaintext).map((m) => `AUTH=${m.name}`)
  return [...revisions, literals(settings), ...declared(now, settings), ...(plaintext ? [] : ['LOGINDISABLED']), ...auth].join(' ')
}

/** After login: all there is, as imap_capability lets it be told. */
export function capability(commands: readonly AnyCommand[], settings: Settings): string {
  const own = [...revisions, literals(settings), ...declared([...commands, ...fetchItems, ...searchKeys, ...resultOptions, ...listOptions], settings), ...limitCapabilities(settings)]
  return announced(own, settings).join(' ')
}
