// Lines of the auth service about one login or look-up.

import type { Settings } from '../../conf/settings.ts'
import type { LogEvent } from '../../runtime/events.ts'
import type { AuthRequest } from '../auth-messages.ts'
import type { Say } from './lookup.ts'

type Verbosity = Pick<Settings, 'auth_verbose' | 'auth_debug' | 'auth_debug_passwords'>

/** Dovecot's form: `passwd-file(user,192.0.2.1,<session>): Password mismatch`. Refusals are said where auth_verbose is set. */
export function sayer(request: AuthRequest, user: string, settings: Verbosity, emit: (event: LogEvent) => void): Say {
  // Nor may a name look like the end of what stands in the parentheses: programs that ban addresses read it.
  const who = [printable(user).replace(/[(),<>]/g, '?'), request.remote?.ip, `<${request.session}>`].filter((part) => part !== undefined && part !== '').join(',')
  const { auth_verbose, auth_debug, auth_debug_passwords } = settings
  const shown = auth_verbose || auth_debug || auth_debug_passwords
  // Without `user`: these are the auth service's lines, and not of a user's session.
  return (level, driver, text, verbose = 'default') => emit({
    level: level === 'info' && !(verbose === 'default' ? shown : verbose === 'yes') ? 'debug' : level,
    name: `auth.${request.kind}`,
    text: `${driver}(${who}): ${printable(text)}`,
    service: 'auth',
    session: request.session,
  })
}

/** Names are typed by strangers: no control character of theirs reaches a log. */
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
