// SCRAM-SHA-256 (RFC 7677): a stored verifier.

import { scramScheme } from '../password/scram.ts'

export default scramScheme('sha256')
