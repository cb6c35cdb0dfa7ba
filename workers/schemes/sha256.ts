// SHA256: unsalted, in base64.

import { digestScheme } from '../password/digest.ts'

export default digestScheme(['SHA256'], 'sha256', 32)
