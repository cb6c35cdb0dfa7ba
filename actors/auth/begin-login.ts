// From what a client says of itself to a login that the databases can be asked about: whose name it is (the certificate's, where that
// decides), who is to be a master user, and both normalised.

import type { Settings } from '../../conf/settings.ts'
import type { AuthRequest } from '../auth-messages.ts'
import { loginName, splitMaster } from './login-name.ts'
import type { NameSettings } from './login-name.ts'
import { newLogin } from './login.ts'
import type { Login } from './login.ts'
import type { Say } from './lookup.ts'

type BeginSettings = NameSettings & Pick<Settings, 'auth_ssl_username_from_cert' | 'ssl_cert_username_field'>

/** Names normalised; undefined where they cannot be a user's. */
export function beginLogin(request: AuthRequest, settings: BeginSettings, say: Say): Login | undefined {
  const named = namedBy(request, settings, say)
  if (named === undefined) return undefined
  const { username, authzid } = named.authzid === undefined || named.authzid === named.username
    ? request.kind === 'lookup' || named.certified ? { username: named.username, authzid: undefined } : splitMaster(named.username, settings.auth_master_user_separator)
    : named
  const user = loginName(username, settings)
  const wanted = authzid === undefined ? undefined : loginName(authzid, settings)
  const bad = !user.ok ? user : wanted !== undefined && !wanted.ok ? wanted : undefined
  if (bad !== undefined) say('info', 'auth', bad.reason)
  if (!user.ok || (wanted !== undefined && !wanted.ok)) return undefined
  return newLogin(request, user.user, wanted?.user)
}

/** Who the client says it is, or its certificate where that decides. */
function namedBy(request: AuthRequest, settings: BeginSettings, say: Say): { username: string; authzid?: string; certified?: boolean } | undefined {
  if (request.kind === 'lookup') return { username: request.username }
  const certificate = request.tls?.certificate
  const name = settings.auth_ssl_username_from_cert && certificate?.valid === true ? certificate.name : undefined
  const unnamed = settings.auth_ssl_username_from_cert && certificate?.valid === true && name === undefined
  const username = name ?? request.username
  if (unnamed || (username === '' && request.mechanism === 'EXTERNAL')) {
    say('info', 'auth', unnamed ? `The client certificate has no ${settings.ssl_cert_username_field}` : 'username not known')
    return undefined
  }
  return { username, certified: name !== undefined, ...(request.authzid === undefined ? {} : { authzid: request.authzid }) }
}
