// SSHA512: SHA-512 of password and salt.

import { saltedScheme } from '../password/digest.ts'

export default saltedScheme('SSHA512', 'sha512', 64)
