// The log lines of an IMAP session: login, logout, failures of ours.

import { userVariables } from '../../../conf/expand.ts'
import { loginLine, withoutLogin } from '../login-log.ts'
import type { Attempts } from '../login-log.ts'
import type { Counters, ImapSession } from './command.ts'
import type { Disconnect } from './result.ts'
import { messageOf } from '../../../runtime/errors.ts'

export function logLogin(s: ImapSession, mechanism: string): void {
  const { user } = s.user.account
  s.effects.emit({
    level: 'info', name: 'imap.login', service: 'imap-login', session: s.world.seed.id,
    text: loginLine(s.settings, s.world.seed, 'Login', { user, method: mechanism, pid: String(userVariables({ user })['pid']) }),
  })
}

/** The last line of a session that was sent away before its login was complete. */
export function logDisconnect(s: ImapSession, { why, user, method }: Disconnect): void {
  s.effects.emit({
    level: 'info', name: 'imap.disconnect', service: 'imap-login', session: s.world.seed.id,
    text: loginLine(s.settings, s.world.seed, `Disconnected: ${why}`, { user, method }),
  })
}

/** What has crossed the wire in this session. */
const bytesOf = ({ world: { wire, seed: { before } } }: ImapSession): { bytesIn: number; bytesOut: number } =>
  ({ bytesIn: wire.bytesIn - (before?.bytesIn ?? 0), bytesOut: wire.bytesOut - (before?.bytesOut ?? 0) })

/** What imap_logout_format may name. */
function logoutVariables(s: ImapSession): Record<string, string | number> {
  const { world: { seed }, user: { account: { user } }, counters } = s
  const { bytesIn, bytesOut } = bytesOf(s)
  const at = user.lastIndexOf('@')
  const [username, domain] = at < 0 ? [user, ''] : [user.slice(0, at), user.slice(at + 1)]
  return {
    ...counters, autoexpunged: 0, i: bytesIn, input: bytesIn, o: bytesOut, output: bytesOut,
    u: user, user, n: username, username, d: domain, domain, s: 'imap', service: 'imap', session: seed.id, rip: seed.remote.ip, lip: seed.local.ip,
  }
}

/** The last line of a connection that nobody has logged in on, since `connectedMs` (monotonic). */
export function logNoLogin(s: ImapSession, reason: string, attempts: Attempts | undefined, connectedMs: number): void {
  const why = withoutLogin(attempts, connectedMs, s.effects.clock.monotonic())
  s.effects.emit({
    level: 'info', name: 'imap.disconnect', service: 'imap-login', session: s.world.seed.id,
    text: loginLine(s.settings, s.world.seed, `Disconnected: ${reason.replace(/\.$/, '')} ${why}`, attempts),
  })
}

/** The last line of a session; its figures are those of imap_logout_format. */
export function logLogout(s: ImapSession, reason: string): void {
  const { bytesIn, bytesOut } = bytesOf(s)
  const session = s.world.seed.id
  const figures = logoutVariables(s)
  const text = s.settings.imap_logout_format.replace(/%(?:\{(\w+)\}|([a-z]))/g, (whole, long: string | undefined, short: string | undefined) =>
    String(figures[long ?? short!] ?? whole))
  s.effects.emit({
    level: 'info', name: 'imap.logout', service: 'imap', user: s.user.account.user, session,
    text: `Disconnected: ${reason} ${text}`, values: { bytes_in: bytesIn, bytes_out: bytesOut },
  })
}

/** A bug of ours, with its stack. `doing` is what the client had asked, without secrets. */
export function logFailure(s: ImapSession, doing: string, error: unknown): void {
  s.effects.emit({
    level: 'error', name: 'imap.failure', service: 'imap', session: s.world.seed.id,
    ...(s.authenticated ? { user: s.user.account.user } : {}),
    text: `${doing || 'session'} failed: ${error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error)}`,
  })
}

export const noCounters = (): Counters => ({
  deleted: 0, expunged: 0, trashed: 0, appended: 0, fetch_hdr_count: 0, fetch_hdr_bytes: 0, fetch_body_count: 0, fetch_body_bytes: 0,
})
