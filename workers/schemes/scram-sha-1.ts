// SCRAM-SHA-1 (RFC 5802): a stored verifier.

import { scramScheme } from '../password/scram.ts'

export default scramScheme('sha1')
