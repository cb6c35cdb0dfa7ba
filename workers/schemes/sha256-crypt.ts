// SHA256-CRYPT: $5$ of crypt(3).

import { scheme } from '../password/scheme.ts'
import { sha256Crypt, verifyShaCrypt } from '../password/sha-crypt.ts'

export default scheme({
  names: ['SHA256-CRYPT'],
  encoding: 'text',
  verify: (password, stored) => verifyShaCrypt(sha256Crypt, password, stored),
})
