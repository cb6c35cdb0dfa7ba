// ARGON2ID (RFC 9106).

import { argon2Scheme } from '../password/argon2.ts'

export default argon2Scheme('ARGON2ID', 'argon2id')
