// EXTERNAL (RFC 4422 appendix A): the client certificate is the proof, and auth takes the name from it
// (auth_ssl_username_from_cert). The one message is whom the client wants to act as; empty: itself.

import { limits } from '../../../runtime/limits.ts'
import { mechanism, saslError, saslText } from './mechanism.ts'

export default mechanism({
  name: 'EXTERNAL',
  plaintext: false,
  offered: ({ tls }) => tls?.certificate?.valid === true,
  start() {
    let asked = false
    return {
      next(response) {
        if (response === undefined && !asked) {
          asked = true
          return { kind: 'challenge', bytes: new Uint8Array(0) }
        }
        const authzid = saslText(response ?? new Uint8Array(0), limits.userNameBytes)
        if (authzid === undefined) return saslError('EXTERNAL authorization identity must be UTF-8 without NUL, and not that long')
        return { kind: 'credentials', username: '', password: '', ...(authzid === '' ? {} : { authzid }) }
      },
    }
  },
})
