// SMD5: MD5 of password and salt.

import { saltedScheme } from '../password/digest.ts'

export default saltedScheme('SMD5', 'md5', 16)
