// Whether a login, or a mail's recipient, belongs to another server: the passdb's fields `proxy`, `proxy_maybe`, `host`, `port`,
// `destuser`, `pass`, `master`, `proxy_mech`, `proxy_timeout`, `ssl`, `starttls`, `proxy_not_trusted`,
// `proxy_nopipelining`, `forward_…`.

import { canonicalAddress } from '../../conf/network.ts'
import { parseTime } from '../../conf/setting.ts'
import type { Settings } from '../../conf/settings.ts'
import { messageOf } from '../../runtime/errors.ts'
import type { AuthAnswer, ProxyTarget } from '../auth-messages.ts'
import { isSet } from './fields.ts'
import type { Login } from './login.ts'
import type { Fields, Say } from './lookup.ts'

/** `proxy` or, where something is wrong with the fields, `temporary`; undefined: the user is ours. */
export function proxyAnswer(login: Login, settings: Pick<Settings, 'auth_proxy_self'>, say: Say): AuthAnswer | undefined {
  const { fields } = login
  const maybe = isSet(fields, 'proxy_maybe')
  if (!maybe && !isSet(fields, 'proxy')) return undefined
  if (maybe && isSelf(login, settings)) return undefined
  try {
    return { status: 'proxy', to: targetOf(login), ...(login.signature === undefined ? {} : { signature: login.signature }) }
  } catch (error) {
    say('error', 'proxy', messageOf(error))
    return { status: 'temporary' }
  }
}

/** As Dovecot: the port may be left out, the address is that of this connection, or in auth_proxy_self. */
function isSelf({ fields: { host = '', hostip, port }, request: { local } }: Login, { auth_proxy_self }: Pick<Settings, 'auth_proxy_self'>): boolean {
  if (port !== undefined && local !== undefined && Number(port) !== local.port) return false
  const address = canonicalAddress(hostip ?? host)
  return address !== undefined && [local?.ip, ...auth_proxy_self.map(canonicalAddress)].includes(address)
}

/** Error: a field that cannot be used; the message is for the log. */
function targetOf({ fields, user, request, master: verified }: Login): ProxyTarget {
  // Whoever has logged in as a master user is passed on as one: it is that user's password.
  const { host, hostip = host, port, destuser = user, pass, master = verified, proxy_mech, proxy_timeout, ssl, starttls } = fields
  if (host === undefined || hostip === undefined || !/^[A-Za-z0-9.:_-]+$/.test(hostip)) throw new Error(`no usable host to proxy to: '${hostip ?? ''}'`)
  if (port !== undefined && (!/^[0-9]{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)) throw new Error(`invalid port '${port}'`)
  const own = request.kind === 'login' ? request.password : ''
  if (pass === undefined && own === '' && request.kind === 'login') throw new Error('no password to log in with there: set the field pass')
  return {
    host: hostip, user: destuser === '' ? user : destuser, renamed: destuser !== '' && destuser !== user, password: pass ?? own, ...(port === undefined ? {} : { port: Number(port) }),
    ...(master === undefined || master === '' ? {} : { master }), ...(proxy_mech === undefined ? {} : { mechanism: proxy_mech.toUpperCase() }),
    ...(proxy_timeout === undefined ? {} : { timeoutMs: parseTime(/^\d+$/.test(proxy_timeout) ? `${proxy_timeout}s` : proxy_timeout) }),
    tls: isSet(fields, 'ssl') ? 'implicit' : isSet(fields, 'starttls') ? 'starttls' : 'none',
    verify: ssl !== 'any-cert' && starttls !== 'any-cert', trusted: !isSet(fields, 'proxy_not_trusted'), patient: isSet(fields, 'proxy_nopipelining'), forward: forwardOf(fields),
  }
}

const forwardOf = (fields: Fields): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => name.startsWith('forward_')).map(([name, value]) => [name.slice('forward_'.length), value]))
