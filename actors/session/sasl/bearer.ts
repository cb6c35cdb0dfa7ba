// What OAUTHBEARER and XOAUTH2 have in common: one message with a user name and a bearer token (RFC 6750) in it, which auth
// has checked as it would a password; a refused client is told so in one more challenge, whose answer says nothing.

import { limits } from '../../../runtime/limits.ts'
import { mechanism, saslError, saslText } from './mechanism.ts'
import type { Mechanism, SaslStep } from './mechanism.ts'

/** RFC 6750 §2.1. */
const tokenForm = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i

export interface BearerMessage { username: string; authorization: string }

/** `read` gives what stands in the message; a reason where it cannot be read. `refused` is what a refused client is told. */
export const bearerMechanism = (name: string, read: (message: string) => BearerMessage | string, refused: object): Mechanism => mechanism({
  name,
  plaintext: true,
  start() {
    let asked = false
    return {
      next(response): SaslStep {
        if (response === undefined && !asked) {
          asked = true
          return { kind: 'challenge', bytes: new Uint8Array(0) }
        }
        const text = saslText(response ?? new Uint8Array(0), limits.tokenBytes + 2 * limits.userNameBytes)
        if (text === undefined) return saslError(`${name} message must be UTF-8 without NUL, and not that long`)
        const message = read(text)
        if (typeof message === 'string') return saslError(message)
        const { username, authorization } = message
        const token = tokenForm.exec(authorization)?.[1]
        if (token === undefined || token.length > limits.tokenBytes) return saslError(`${name} needs a bearer token`)
        if (username === '' || username.length > limits.userNameBytes) return saslError(`${name} needs a user name`)
        return { kind: 'credentials', username, password: token }
      },
      conclude: (answer) => (answer.status === 'refused' ? new TextEncoder().encode(JSON.stringify(refused)) : undefined),
    }
  },
})

/** `name=value` pairs, each ended by ^A, and one more ^A. undefined: it is no such list. */
export function keyValues(text: string): Map<string, string> | undefined {
  if (!/^(?:[A-Za-z]+=[^\u0001]*\u0001)+\u0001$/.test(text)) return undefined
  return new Map(text.slice(0, -2).split('\u0001').map((pair) => {
    const equals = pair.indexOf('=')
    return [pair.slice(0, equals).toLowerCase(), pair.slice(equals + 1)]
  }))
}
