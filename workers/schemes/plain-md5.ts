// PLAIN-MD5: unsalted MD5 in hex.

import { digestScheme } from '../password/digest.ts'

export default digestScheme(['PLAIN-MD5'], 'md5', 16, 'hex')
