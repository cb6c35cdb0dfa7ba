// SSHA256: SHA-256 of password and salt.

import { saltedScheme } from '../password/digest.ts'

export default saltedScheme('SSHA256', 'sha256', 32)
