// SSHA: SHA-1 of password and salt.

import { saltedScheme } from '../password/digest.ts'

export default saltedScheme('SSHA', 'sha1', 20)
