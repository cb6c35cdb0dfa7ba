// The lines that login processes write, for every protocol: who came in, who did not and why. login_log_format_elements says what
// is told of a connection, login_log_format how. Programs that ban addresses read these lines (fail2ban), so that no name that a
// stranger types may look like another part of one.

import { expand, userVariables } from '../../conf/expand.ts'
import type { Variables } from '../../conf/expand.ts'
import type { Settings } from '../../conf/settings.ts'
import { howSecured } from './secured.ts'
import type { SessionSeed } from './seed.ts'

/** Attempts to log in of one connection, of which none has succeeded. */
export interface Attempts {
  count: number
  /** Of the last one. */
  user: string
  method: string
  /** When the first one began (monotonic ms). */
  firstMs: number
  /** The last one was refused before a password was looked at. */
  disallowed?: boolean
  /** Nobody could say whether the password was right. */
  internal?: boolean
  /** So many times it was right, and yet the user could not come in: the login is disabled, the store away. */
  successes?: number
}

export interface LoginFacts { user?: string | undefined; method?: string | undefined; pid?: string }

type LogSettings = Pick<Settings, 'login_log_format' | 'login_log_format_elements'>

/** Nothing in it ends a value of a line: `<`, `>`, control characters. */
const harmless = (typed: string): string => typed.replace(/[<>\u0000-\u001f\u007f-\u009f]/g, '?')

function variablesOf(seed: SessionSeed, user: string, method: string, pid: string): Variables {
  const { protocol, id, remote, local, peer = remote, tls } = seed
  const security = tls === undefined ? '' : `${tls.protocol} with cipher ${tls.cipher}`
  const variables = userVariables({
    user: harmless(user), service: protocol, session: id, remoteIp: remote.ip, remotePort: remote.port, localIp: local.ip, localPort: local.port,
  })
  return {
    ...variables, mech: harmless(method), mail_pid: pid, secured: howSecured(seed)[0] ?? '', ssl_security: security, k: security, cert: '', $: '',
    local_name: harmless(tls?.serverName ?? ''),
    // Dovecot's names of users that proxies and master users make of it.
    login_user: harmless(user), listener: '', real_rip: peer.ip, real_remote_ip: peer.ip, real_rport: String(peer.port), real_lport: String(local.port),
  }
}

const emptied = (variables: Variables): Variables =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, typeof value === 'string' ? '' : {}]))

/** Whether an element tells the user's name: it is there even where there is none. */
const tellsUser = (element: string): boolean => /%[^\s{]*[und](?![a-z])|%\{(?:user|username|domain)\b/.test(element)

/** `text` with what is to be told of a connection; `user`, `method`: empty where there was no attempt; `pid`: of who goes on with it. */
export function loginLine(settings: LogSettings, seed: SessionSeed, text: string, { user = '', method = '', pid = '' }: LoginFacts = {}): string {
  const variables = variablesOf(seed, user, method, pid)
  const none = emptied(variables)
  const elements = settings.login_log_format_elements.split(' ').filter((element) => element !== '').flatMap((element) => {
    const told = expand(element, variables)
    return told !== expand(element, none) || tellsUser(element) || !element.includes('%') ? [told] : []
  })
  return expand(settings.login_log_format, { ...variables, $: text, s: elements.join(', ') })
}

const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000))

/** Why nobody logged in, in Dovecot's words: `(auth failed, 2 attempts in 4 secs)`. Times: monotonic ms. */
export function withoutLogin(attempts: Attempts | undefined, connectedMs: number, nowMs: number): string {
  if (attempts === undefined) return `(no auth attempts in ${seconds(nowMs - connectedMs)} secs)`
  if (attempts.disallowed === true) return '(tried to use disallowed plaintext auth)'
  // Who knows the password is no guesser, and must not be banned as one.
  if ((attempts.successes ?? 0) > 0) return `(internal failure, ${attempts.successes} successful auths)`
  if (attempts.internal === true) return `(internal failure, ${attempts.count} attempts)`
  return `(auth failed, ${attempts.count} attempts in ${seconds(nowMs - attempts.firstMs)} secs)`
}
