// SHA512: unsalted, in base64.

import { digestScheme } from '../password/digest.ts'

export default digestScheme(['SHA512'], 'sha512', 64)
