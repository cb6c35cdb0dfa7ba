// OAUTHBEARER (RFC 7628 §3.1): `n,a=USER,` ^A `host=…` ^A `port=…` ^A `auth=Bearer TOKEN` ^A ^A. Host and port are not looked at.

import { bearerMechanism, keyValues } from './bearer.ts'
import type { BearerMessage } from './bearer.ts'

const headerForm = /^([ny]|p=[A-Za-z0-9.-]+),(?:a=([^,]*))?,\u0001/

function read(message: string): BearerMessage | string {
  const [header = '', flag = '', name = ''] = headerForm.exec(message) ?? []
  if (header === '' || /=(?!2C|3D)/.test(name)) return 'OAUTHBEARER message without a GS2 header'
  if (flag.startsWith('p')) return 'OAUTHBEARER has no channel binding'
  const values = keyValues(message.slice(header.length))
  if (values === undefined) return 'OAUTHBEARER message is not a list of key=value'
  return { username: name.replace(/=2C/g, ',').replace(/=3D/g, '='), authorization: values.get('auth') ?? '' }
}

export default bearerMechanism('OAUTHBEARER', read, { status: 'invalid_token', schemes: 'bearer' })
