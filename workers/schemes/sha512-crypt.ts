// SHA512-CRYPT: $6$ of crypt(3).

import { scheme } from '../password/scheme.ts'
import { sha512Crypt, verifyShaCrypt } from '../password/sha-crypt.ts'

export default scheme({
  names: ['SHA512-CRYPT'],
  encoding: 'text',
  verify: (password, stored) => verifyShaCrypt(sha512Crypt, password, stored),
})
