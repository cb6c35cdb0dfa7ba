// SCRAM-SHA-1 (RFC 5802), for clients that know no newer one.

import { scramMechanism } from './scram.ts'

export default scramMechanism('SCRAM-SHA-1', 'sha1')
