// passdb shadow: another name of passwd, which looks into the shadow database as well.

import { systemPassdb } from './passwd.ts'

export default systemPassdb('shadow')
