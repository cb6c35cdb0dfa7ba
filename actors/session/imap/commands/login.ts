// LOGIN. RFC 3501 §6.2.3. Who is to use another server is told which one (RFC 2221: LOGIN-REFERRALS), by AUTHENTICATE too.

import { Buffer } from 'node:buffer'
import { limits } from '../../../../runtime/limits.ts'
import { command } from '../command.ts'
import { mustBePrivate } from '../login.ts'
import { Bad } from '../result.ts'

const exposed = 'BAD [ALERT] Plaintext authentication not allowed without SSL/TLS, but your client did it anyway. '
  + 'If anyone was listening, the password was exposed.'

export default command({
  name: 'LOGIN', capability: 'LOGIN-REFERRALS', states: ['notauthenticated'], flags: 0,
  parse: (p) => ({ username: p.sp().astring('a user name'), password: p.sp().astring('a password') }),
  log: ({ username }) => username,
  run({ username, password }, s) {
    try {
      mustBePrivate(s, 'LOGIN')
    } catch (error) {
      s.send(exposed)
      throw error
    }
    if (Buffer.byteLength(username) > limits.userNameBytes || Buffer.byteLength(password) > limits.passwordBytes) {
      throw new Bad('Error in IMAP command LOGIN: User name or password is too long.')
    }
    if (username === '') throw new Bad('Error in IMAP command LOGIN: The user name is empty.')
    return s.login({ mechanism: 'PLAIN', username, password })
  },
})
