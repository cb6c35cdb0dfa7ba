// SHA, also SHA1: unsalted SHA-1 in base64 (RFC 2307).

import { digestScheme } from '../password/digest.ts'

export default digestScheme(['SHA', 'SHA1'], 'sha1', 20)
