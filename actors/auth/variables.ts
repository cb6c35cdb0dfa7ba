// %variables of the auth side: in args, fields, auth_username_format and mail_home.

import type { Variables } from '../../conf/expand.ts'
import { expand, namesIn, userVariables } from '../../conf/expand.ts'
import type { Settings } from '../../conf/settings.ts'
import type { Fields } from './lookup.ts'
import type { Login } from './login.ts'

/** All that is known of a login. */
export function loginVariables(login: Login): Variables {
  const { request, user } = login
  const tls = request.kind === 'login' ? request.tls : undefined
  const general = userVariables({
    user,
    service: request.service,
    session: request.session,
    fields: login.userdb,
    ...(login.userdb['home'] === undefined ? {} : { home: login.userdb['home'] }),
    ...(request.remote === undefined ? {} : { remoteIp: request.remote.ip, remotePort: request.remote.port }),
    ...(request.local === undefined ? {} : { localIp: request.local.ip, localPort: request.local.port }),
  })
  const original = userVariables({ user: login.original })
  const auth = userVariables({ user: login.master ?? user })
  const peer = request.kind === 'login' ? request.peer?.ip : undefined
  return {
    ...general,
    ...(peer === undefined ? {} : { real_rip: peer, real_remote_ip: peer }),
    orig_user: original['user'], orig_username: original['username'], orig_domain: original['domain'],
    auth_user: auth['user'], auth_username: auth['username'], auth_domain: auth['domain'],
    login_user: login.wanted ?? user,
    mech: request.kind === 'login' ? request.mechanism : '',
    cert: tls?.certificate?.valid === true ? 'valid' : '',
    local_name: tls?.serverName ?? '',
    secured: request.kind === 'login' && request.secured ? 'secured' : '',
    passdb: login.fields,
  }
}

/** What differs between two connections of one client. */
const ofConnection = { session: '', rport: '', remote_port: '' }

/** The same without that, so that their look-ups are one. */
export const taskVariables = (login: Login): Variables => ({ ...loginVariables(login), ...ofConnection })

/** Whether accounts may be others for each connection of a client: what is made of them all the same has its session or port in it. */
export function differByConnection({ mail_home, passdb, userdb }: Pick<Settings, 'mail_home' | 'passdb' | 'userdb'>): boolean {
  const texts = [mail_home, ...[...passdb, ...userdb].flatMap(({ default_fields, override_fields }) => [default_fields, override_fields])]
  try {
    return texts.flatMap(namesIn).some((name) => Object.hasOwn(ofConnection, name))
  } catch {
    // What is wrong with it is said at each look-up.
    return true
  }
}

/** The values of `fields` with their variables expanded. ConfigError: an unknown variable. */
export const expandFields = (fields: Fields, variables: Variables): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, expand(value, variables)]))

/** The same variables with every value passed through `change`, for places where not all characters are harmless. */
export function changedVariables(variables: Variables, change: (value: string) => string): Variables {
  const changed = (members: Readonly<Record<string, string | undefined>>): Record<string, string> =>
    Object.fromEntries(Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, change(value)]])))
  return Object.fromEntries(Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === 'string' ? change(value) : changed(value)]]))
}
