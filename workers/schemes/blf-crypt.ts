// BLF-CRYPT: bcrypt, $2a$ $2b$ $2y$ of crypt(3). Only the first 72 bytes of a password count, as in every bcrypt.

import { Buffer } from 'node:buffer'
import { compareSync } from 'bcryptjs'
import { scheme, UnusableSecret } from '../password/scheme.ts'

const form = /^\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./0-9A-Za-z]{53}$/

export default scheme({
  names: ['BLF-CRYPT'],
  encoding: 'text',
  verify(password, stored) {
    const hash = Buffer.from(stored).toString('latin1')
    if (!form.test(hash)) throw new UnusableSecret('not a bcrypt string')
    if (hash.startsWith('$2x$')) throw new UnusableSecret('$2x$ marks hashes of a faulty bcrypt: the password must be set anew')
    return compareSync(Buffer.from(password).toString('utf8'), hash)
  },
})
