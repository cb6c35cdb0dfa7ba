// PLAIN: the password itself.

import { equalBytes } from '../password/equal.ts'
import { scheme } from '../password/scheme.ts'

export default scheme({ names: ['PLAIN', 'CLEARTEXT', 'CLEAR'], encoding: 'text', verify: equalBytes })
