// A login that has succeeded → the account that everything else works with.

import { expand } from '../../conf/expand.ts'
import type { Settings } from '../../conf/settings.ts'
import { wrongField } from '../../conf/user-settings.ts'
import type { Account } from '../user/types.ts'
import type { Login } from './login.ts'
import { loginVariables } from './variables.ts'

/** An account, or why there can be none: a configuration that gives no usable home, a field that is none (for the log). */
export type AccountResult = { ok: true; account: Account } | { ok: false; reason: string }

const climbs = (path: string): boolean => path.split('/').some((part) => part === '..' || part === '.')

/** Home is userdb's `home`, else mail_home (userdb's, or the setting). The name must not lead out of a directory that is made of it. */
export function accountOf(login: Login, settings: Pick<Settings, 'mail_home'>): AccountResult {
  const { home: userdbHome, ...fields } = login.userdb
  if (climbs(login.user)) return { ok: false, reason: `Username '${login.user}' would lead to another directory` }
  const home = userdbHome === undefined || userdbHome === '' ? fields['mail_home'] ?? expand(settings.mail_home, loginVariables(login)) : userdbHome
  if (home === '') return { ok: false, reason: 'User has no home: set mail_home, or give a home in the userdb' }
  if (!home.startsWith('/')) return { ok: false, reason: `Relative home directory not supported: ${home}` }
  if (climbs(home)) return { ok: false, reason: `Home directory must not have . or .. in it: ${home}` }
  const wrong = wrongField(fields)
  if (wrong !== undefined) return { ok: false, reason: wrong }
  return { ok: true, account: { user: login.user, home, fields } }
}
