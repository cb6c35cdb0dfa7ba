// The CAPABILITY list, from the declarations of the commands, items, keys and mechanisms that exist. RFC 3501 §7.2.1.

import { Buffer } from 'node:buffer'
import type { Settings } from '../../../conf/settings.ts'
import { all as allMechanisms } from '../sasl/index.ts'
import type { Mechanism } from '../sasl/mechanism.ts'
import { announced } from './announced.ts'
import type { SessionSeed } from '../seed.ts'
import type { AnyCommand } from './command.ts'
import { all as fetchItems } from './fetch/index.ts'
import { all as listOptions } from './list-return/index.ts'
import { limitCapabilities } from './message-limit.ts'
import { all as searchKeys } from './search/index.ts'
import { all as resultOptions } from './search/returns/index.ts'

/** The mechanisms that auth_mechanisms names, in its order, as far as this connection can use them. */
export function mechanisms(settings: Settings, seed: SessionSeed): Mechanism[] {
  return settings.auth_mechanisms.flatMap((name) => allMechanisms.filter((m) => m.name === name.toUpperCase() && m.offered?.(seed) !== false))
}

/** Whether anybody may log in on this connection. */
export const loginAllowed = (settings: Settings, { secured }: SessionSeed): boolean => secured || settings.ssl !== 'required'

/** Whether a password may cross it. */
export const plaintextAllowed = (settings: Settings, seed: SessionSeed): boolean =>
  seed.secured || (loginAllowed(settings, seed) && !settings.disable_plaintext_auth)

/** Whatever may say that a capability exists because of it. */
interface Declares { readonly capability?: string | readonly string[]; offered?(settings: Settings, seed: SessionSeed): boolean }

const declared = (things: readonly Declares[], settings: Settings, seed: SessionSeed): string[] =>
  [...new Set(things.flatMap((thing) => (thing.offered?.(settings, seed) === false ? [] : thing.capability ?? [])))].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

/** Which revisions are spoken: the second once it is switched on (RFC 9051 appendix A). */
const revisions = ['IMAP4rev1', 'IMAP4rev2']

const literals = (settings: Settings): string => (settings.imap_literal_minus ? 'LITERAL-' : 'LITERAL+')

/** Before login: what can be used now, and how to log in. */
export function preLoginCapability(commands: readonly AnyCommand[], settings: Settings, seed: SessionSeed): string {
  const now = commands.filter((c) => c.states.includes('any') || c.states.includes('notauthenticated'))
  const plaintext = plaintextAllowed(settings, seed)
  const auth = loginAllowed(settings, seed) ? mechanisms(settings, seed).filter((m) => plaintext || !m.plaintext).map((m) => `AUTH=${m.name}`) : []
  return [...revisions, literals(settings), ...declared(now, settings, seed), ...(plaintext ? [] : ['LOGINDISABLED']), ...auth].join(' ')
}

/** TLS begins before login or not at all. */
const withoutStartTls = ({ startTls: _, ...seed }: SessionSeed): SessionSeed => seed

/** After login: all there is, as imap_capability lets it be told. */
export function capability(commands: readonly AnyCommand[], settings: Settings, seed: SessionSeed): string {
  const own = [...revisions, literals(settings), ...declared([...commands, ...fetchItems, ...searchKeys, ...resultOptions, ...listOptions], settings, withoutStartTls(seed)), ...limitCapabilities(settings)]
  return announced(own, settings).join(' ')
}
