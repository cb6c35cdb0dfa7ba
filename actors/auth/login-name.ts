// A login name as typed → the one name a user has everywhere. Dovecot's order: auth_default_realm, auth_username_translation,
// auth_username_chars, auth_username_format.

import { Buffer } from 'node:buffer'
import { expand, userVariables } from '../../conf/expand.ts'
import type { Settings } from '../../conf/settings.ts'

export type NameSettings = Pick<Settings,
  'auth_default_realm' | 'auth_username_chars' | 'auth_username_format' | 'auth_username_translation' | 'auth_master_user_separator'>

/** A name that may be looked up, or why it may not (for the log). */
export type LoginName = { ok: true; user: string } | { ok: false; reason: string }

function translated(name: string, pairs: string): string {
  if (pairs === '') return name
  const all = [...pairs]
  const table = new Map<string, string>()
  for (let n = 0; n + 1 < all.length; n += 2) table.set(all[n] ?? '', all[n + 1] ?? '')
  return [...name].map((char) => table.get(char) ?? char).join('')
}

/** auth_username_chars as a set: made once for all the names that are looked up by it. */
let allowed = { chars: '', set: new Set<string>() }

function disallowed(name: string, chars: string): string | undefined {
  if (chars === '') return undefined
  if (allowed.chars !== chars) allowed = { chars, set: new Set(chars) }
  for (const char of name) if (!allowed.set.has(char)) return char
  return undefined
}

/** Normalises `typed`. */
export function loginName(typed: string, settings: NameSettings): LoginName {
  if (typed === '') return { ok: false, reason: 'Empty username' }
  const realm = settings.auth_default_realm
  const full = realm !== '' && !typed.includes('@') ? `${typed}@${realm}` : typed
  const name = translated(full, settings.auth_username_translation)
  const bad = disallowed(name, settings.auth_username_chars)
  if (bad !== undefined) {
    const code = Buffer.from(bad, 'utf8').toString('hex').slice(0, 2)
    return { ok: false, reason: `Username character disallowed by auth_username_chars: 0x${code} (username: ${name})` }
  }
  if (/[\u0000-\u001f\u007f]/.test(name)) return { ok: false, reason: 'Username has control characters' }
  const user = settings.auth_username_format === '' ? name : expand(settings.auth_username_format, userVariables({ user: name }))
  if (user === '') return { ok: false, reason: 'auth_username_format gives an empty username' }
  return { ok: true, user }
}

/**
 * Splits `user*master` at auth_master_user_separator. The first part is the user wanted, the second the master user whose
 * password was given.
 */
export function splitMaster(typed: string, separator: string): { username: string; authzid?: string } {
  const at = separator === '' ? -1 : typed.indexOf(separator)
  if (at < 0) return { username: typed }
  return { username: typed.slice(at + separator.length), authzid: typed.slice(0, at) }
}
