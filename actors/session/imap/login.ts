// Logging in: credentials → account → the user, here or on its home worker. Refusals as Dovecot words them (RFC 5530).

import { LimitExceeded, TempFail } from '../../../runtime/errors.ts'
import type { Account, User } from '../../user/types.ts'
import type { AuthAnswer, Elsewhere, ProxyTarget, SaltAnswer, SaltRequest, ScramSalt } from '../../auth-messages.ts'
import type { SaslStep } from '../sasl/mechanism.ts'
import type { SessionWorld } from '../types.ts'
import { loginAllowed, mechanisms, plaintextAllowed } from './capabilities.ts'
import type { Credentials, ImapSession } from './command.ts'
import { No } from './result.ts'

type Attempting = Pick<ImapSession, 'world' | 'effects' | 'attempts'>

/** Refuses a mechanism (LOGIN: undefined) that would show a password to whoever listens, and any where TLS must come first. */
export function mustBePrivate(s: Attempting, mechanism: string): void {
  const { settings, seed } = s.world
  if (plaintextAllowed(settings, seed)) return
  if (!loginAllowed(settings, seed)) throw new No('PRIVACYREQUIRED', 'Authentication not allowed until SSL/TLS is enabled.')
  if (mechanisms(settings, seed).some((m) => m.name === mechanism && !m.plaintext)) return
  s.attempts = { count: 1, user: '', method: mechanism === 'LOGIN' ? 'PLAIN' : mechanism, firstMs: s.effects.clock.monotonic(), disallowed: true }
  throw new No('PRIVACYREQUIRED', 'Plaintext authentication disallowed on non-secure (SSL/TLS) connections.')
}

/** Asks auth. A server that is to serve the client in our place. No: refused, and why as far as the client may know. */
export async function authenticate(s: Attempting, credentials: Credentials): Promise<Account | ProxyTarget> {
  const { world } = s
  const { mechanism, username, password, authzid, proof, conclude } = credentials
  const { id, remote, local, peer, secured, trusted, tls, forward } = world.seed
  const { count = 0, successes = 0, firstMs = s.effects.clock.monotonic() } = s.attempts ?? {}
  s.attempts = { count: count + 1, successes, user: username, method: mechanism, firstMs }
  const answer = await world.authenticate({
    kind: 'login', service: 'imap', mechanism, username, password, session: id, remote, local, secured, trusted,
    ...(peer === undefined ? {} : { peer }), ...(tls === undefined ? {} : { tls }), ...(authzid === undefined ? {} : { authzid }), ...(proof === undefined ? {} : { proof }), ...(forward === undefined ? {} : { forward }),
  })
  await conclude?.(answer)
  if (answer.status === 'ok' || answer.status === 'disabled') s.attempts.successes = successes + 1
  if (answer.status === 'ok') return answer.account
  if (answer.status === 'proxy') return answer.to
  if (answer.status === 'temporary') s.attempts.internal = true
  throw refusal(answer, mechanism)
}

/** A user's salt, for SCRAM. No: nobody can tell it now. */
export async function saltOf(world: SessionWorld, asked: Extract<SaslStep, { kind: 'salt' }>, mechanism: string): Promise<ScramSalt> {
  const { hash, username, authzid } = asked
  const { id, remote, local, peer, secured, tls, forward } = world.seed
  const request: SaltRequest = {
    kind: 'salt', hash, of: {
      kind: 'login', service: 'imap', mechanism, username, password: '', session: id, remote, local, secured,
      ...(peer === undefined ? {} : { peer }), ...(tls === undefined ? {} : { tls }), ...(authzid === undefined ? {} : { authzid }), ...(forward === undefined ? {} : { forward }),
    },
  }
  const answer = await world.effects.ask<SaltAnswer>('auth', request).catch((): SaltAnswer => ({ status: 'temporary' }))
  if (answer.status === 'ok') return answer
  throw refusal(answer, mechanism)
}

/** RFC 2221 §4.1, as Dovecot writes it; the name as URLs have it (RFC 5092 §3.2). */
function referral({ host, port = 143, user }: Elsewhere, mechanism: string): string {
  const name = encodeURIComponent(user).replace(/'/g, '%27')
  const server = host.includes(':') ? `[${host}]` : host
  return `REFERRAL imap://${name};AUTH=${mechanism}@${server}${port === 143 ? '' : `:${port}`}/`
}

function refusal(answer: Exclude<AuthAnswer, { status: 'ok' | 'proxy' }>, mechanism: string): No {
  const { status, reason, elsewhere } = answer
  if (status === 'temporary') return new No('UNAVAILABLE', 'Temporary authentication failure.')
  if (status !== 'disabled') return new No('AUTHENTICATIONFAILED', 'Authentication failed.')
  if (elsewhere !== undefined) return new No(referral(elsewhere, mechanism), reason ?? 'Try this server instead.')
  if (reason === undefined) return new No('CONTACTADMIN', 'Login disabled for this user')
  // A passdb's `reason` may bring its own response code; without one it is meant for a person.
  const own = /^\[([^\]]+)\] *(.*)$/s.exec(reason)
  return own === null ? new No('CONTACTADMIN', reason) : new No(own[1]!, own[2]!)
}

/**
 * The user, if its home is this worker; undefined: the session goes on elsewhere (`freeze` was called) and must fall silent.
 * No: the user cannot be opened now, or has too many connections.
 */
export async function settle(
  world: SessionWorld, account: Account, method: string, freeze: Parameters<SessionWorld['settle']>[1],
): Promise<User | undefined> {
  try {
    const settled = await world.settle(account, freeze)
    return settled.here ? settled.user : undefined
  } catch (error) {
    if (!(error instanceof TempFail || error instanceof LimitExceeded)) throw error
    // Dovecot closes the connection of who has too many.
    const tooMany = error instanceof LimitExceeded && error.limit === 'mail_max_userip_connections'
    throw new No(tooMany ? 'LIMIT' : 'UNAVAILABLE', error.message, tooMany ? { why: error.message, user: account.user, method } : undefined)
  }
}
