// LOGIN: obsolete and never standardised (draft-murchison-sasl-login), kept for old Outlooks. Two challenges, whose texts
// clients compare literally; the user name may come as initial response.

import { limits } from '../../../runtime/limits.ts'
import { mechanism, saslError, saslText } from './mechanism.ts'

const userNamePrompt = new TextEncoder().encode('Username:')
const passwordPrompt = new TextEncoder().encode('Password:')

export default mechanism({
  name: 'LOGIN',
  plaintext: true,
  start() {
    let prompted = false
    let username: string | undefined
    return {
      next(response) {
        // An empty initial response ("=") is treated as none, as Dovecot does.
        if (!prompted && (response === undefined || response.length === 0)) {
          prompted = true
          return { kind: 'challenge', bytes: userNamePrompt }
        }
        prompted = true
        if (username === undefined) {
          username = saslText(response ?? new Uint8Array(0), limits.userNameBytes)
          if (username === undefined) return saslError('LOGIN user name must be UTF-8 without NUL, and not that long')
          if (username === '') return saslError('LOGIN without a user name')
          return { kind: 'challenge', bytes: passwordPrompt }
        }
        const password = saslText(response ?? new Uint8Array(0), limits.passwordBytes)
        if (password === undefined) return saslError('LOGIN password must be UTF-8 without NUL, and not that long')
        return { kind: 'credentials', username, password }
      },
    }
  },
})
