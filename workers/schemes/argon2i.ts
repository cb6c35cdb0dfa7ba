// ARGON2I (RFC 9106).

import { argon2Scheme } from '../password/argon2.ts'

export default argon2Scheme('ARGON2I', 'argon2i')
