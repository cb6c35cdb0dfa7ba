// PLAIN (RFC 4616): one message, [authzid] NUL authcid NUL passwd, UTF-8. Sent with the command or after an empty challenge.

import { limits } from '../../../runtime/limits.ts'
import { mechanism, saslError, saslText } from './mechanism.ts'
import type { SaslStep } from './mechanism.ts'

function readMessage(message: Uint8Array): SaslStep {
  const first = message.indexOf(0)
  const second = first < 0 ? -1 : message.indexOf(0, first + 1)
  if (second < 0) return saslError('PLAIN needs authorization identity, user name and password, separated by NUL')
  const authzid = saslText(message.subarray(0, first), limits.userNameBytes)
  const username = saslText(message.subarray(first + 1, second), limits.userNameBytes)
  const password = saslText(message.subarray(second + 1), limits.passwordBytes)
  if (authzid === undefined || username === undefined || password === undefined) {
    return saslError('PLAIN fields must be UTF-8 without NUL, and not that long')
  }
  if (username === '') return saslError('PLAIN without a user name')
  if (authzid === '' || authzid === username) return { kind: 'credentials', username, password }
  return { kind: 'credentials', username, password, authzid }
}

export default mechanism({
  name: 'PLAIN',
  plaintext: true,
  start() {
    let asked = false
    return {
      next(response) {
        if (response === undefined && !asked) {
          asked = true
          return { kind: 'challenge', bytes: new Uint8Array(0) }
        }
        return readMessage(response ?? new Uint8Array(0))
      },
    }
  },
})
