// SCRAM-SHA-256 (RFC 7677).

import { scramMechanism } from './scram.ts'

export default scramMechanism('SCRAM-SHA-256', 'sha256')
