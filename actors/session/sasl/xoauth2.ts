// XOAUTH2: OAUTHBEARER's forerunner, as Google described it. `user=USER` ^A `auth=Bearer TOKEN` ^A ^A.

import { bearerMechanism, keyValues } from './bearer.ts'
import type { BearerMessage } from './bearer.ts'

function read(message: string): BearerMessage | string {
  const values = keyValues(message)
  if (values === undefined) return 'XOAUTH2 message is not a list of key=value'
  return { username: values.get('user') ?? '', authorization: values.get('auth') ?? '' }
}

export default bearerMechanism('XOAUTH2', read, { status: '401', schemes: 'bearer', scope: 'mail' })
