// The field `nologin`: the password was right, and yet nobody is let in here; with `host` (and `port`, `destuser`) the client may try there.

import type { AuthAnswer, Elsewhere } from '../auth-messages.ts'
import { isSet } from './fields.ts'
import type { Login } from './login.ts'

/** The answer to such a login; the field `reason` is for the client. */
export function disabled(login: Login): AuthAnswer {
  const { reason } = login.fields
  const elsewhere = elsewhereOf(login)
  return { status: 'disabled', ...(reason === undefined ? {} : { reason }), ...(elsewhere === undefined ? {} : { elsewhere }) }
}

/** Fields that are for a proxy (`proxy`, `proxy_maybe`) send no client anywhere. */
function elsewhereOf({ fields, user }: Login): Elsewhere | undefined {
  const { host, port, destuser } = fields
  if (host === undefined || !/^[A-Za-z0-9.:_-]+$/.test(host) || isSet(fields, 'proxy') || isSet(fields, 'proxy_maybe')) return undefined
  return { host, ...(port !== undefined && /^[0-9]{1,5}$/.test(port) ? { port: Number(port) } : {}), user: destuser ?? user }
}
