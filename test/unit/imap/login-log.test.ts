// The lines of login processes: login_log_format, login_log_format_elements, and what strangers cannot put into them.

import t from 'tap'
import { loginLine, withoutLogin } from '../../../actors/session/login-log.ts'
import type { SessionSeed } from '../../../actors/session/seed.ts'
import { defaultSettings } from '../../../conf/settings.ts'

const seed: SessionSeed = {
  protocol: 'imap', id: 'SESSION', remote: { ip: '192.0.2.1', port: 1234 }, local: { ip: '192.0.2.9', port: 143 }, secured: false, trusted: false,
}
const line = (given: { login_log_format?: string; login_log_format_elements?: string }, text: string, user?: string, method?: string, pid?: string): string =>
  loginLine({ ...defaultSettings(), ...given }, seed, text, { user, method, ...(pid === undefined ? {} : { pid }) })

t.test('as Dovecot writes them', (t) => {
  t.equal(line({}, 'Login', 'tim@example.com', 'PLAIN', '17'), 'Login: user=<tim@example.com>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=17, session=<SESSION>')
  t.equal(line({}, 'Disconnected'), 'Disconnected: user=<>, rip=192.0.2.1, lip=192.0.2.9, session=<SESSION>')
  t.equal(loginLine(defaultSettings(), { ...seed, secured: true }, 'Login', { user: 'a', method: 'PLAIN' }), 'Login: user=<a>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, secured, session=<SESSION>')
  t.equal(line({ login_log_format: '[%s] %{$} %%', login_log_format_elements: '%{service}/%a/%{rport} fixed %{user} %k %{username}@%{domain}' }, 'X', 'u@d', 'Y'), '[imap/143/1234, fixed, u@d, u@d] X %')
  t.end()
})

t.test('nobody forges another address', (t) => {
  t.equal(line({}, 'Disconnected', 'x>, rip=9.9.9.9, y=<\r\n'), 'Disconnected: user=<x?, rip=9.9.9.9, y=???>, rip=192.0.2.1, lip=192.0.2.9, session=<SESSION>')
  t.equal(line({}, 'Disconnected', '%u%{user}$&', ''), `Disconnected: user=<%u%{user}$&>, rip=192.0.2.1, lip=192.0.2.9, session=<SESSION>`)
  t.end()
})

t.test('why nobody has logged in', (t) => {
  const attempts = { count: 2, user: 'u', method: 'PLAIN', firstMs: 1000 }
  t.equal(withoutLogin(undefined, 0, 180_500), '(no auth attempts in 180 secs)')
  t.equal(withoutLogin(attempts, 0, 5999), '(auth failed, 2 attempts in 4 secs)')
  t.equal(withoutLogin({ ...attempts, disallowed: true }, 0, 5999), '(tried to use disallowed plaintext auth)')
  t.equal(withoutLogin({ ...attempts, internal: true }, 0, 5999), '(internal failure, 2 attempts)')
  t.end()
})
