// `-x NAME=VALUE`: what the databases are told of a connection that there is not.

import type { Endpoint } from '../seed.ts'
import type { AdminOption, AdminRequest } from './command.ts'
import { AdminError, exitCode } from './command.ts'

export const authInfoOption: Readonly<Record<string, AdminOption>> = { 'auth-info': { type: 'string', short: 'x', multiple: true } }

export const authInfoUsage = '  -x NAME=VALUE  service, session, rip, rport, lip or lport of the connection; secured'

export interface AuthInfo { service: string; session: string; remote: Endpoint; local: Endpoint; secured: boolean }

const nowhere: Endpoint = { ip: '', port: 0 }

/** AdminError: an unknown name. */
export function authInfoOf({ options }: AdminRequest): AuthInfo {
  const info: AuthInfo = { service: 'doveadm', session: '', remote: { ...nowhere }, local: { ...nowhere }, secured: true }
  for (const word of (options['auth-info'] ?? []) as readonly string[]) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(word) ?? []
    switch (name) {
      case 'service': case 'session': info[name] = value; break
      case 'rip': info.remote.ip = value; break
      case 'rport': info.remote.port = Number(value); break
      case 'lip': info.local.ip = value; break
      case 'lport': info.local.port = Number(value); break
      case 'secured': info.secured = value !== 'no'; break
      default: throw new AdminError(exitCode.usage, `-x ${word}: unknown name (known: service, session, rip, rport, lip, lport, secured)`)
    }
  }
  return info
}

/** Fields as doveadm prints them: `  name=value`, or with `separator`, in the order of their names. */
export const fieldLines = (fields: Readonly<Record<string, string>>, separator = '='): string[] =>
  Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `  ${name}${separator}${value}`)
