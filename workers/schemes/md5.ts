// MD5: Dovecot's old name of two things, told apart by how they look: MD5-CRYPT, or an unsalted digest in hex.

import { Buffer } from 'node:buffer'
import { scheme, UnusableSecret } from '../password/scheme.ts'
import md5Crypt from './md5-crypt.ts'
import plainMd5 from './plain-md5.ts'

export default scheme({
  names: ['MD5'],
  encoding: 'text',
  verify(password, stored) {
    const text = Buffer.from(stored).toString('latin1')
    if (text.startsWith('$1$')) return md5Crypt.verify(password, stored)
    if (/^[0-9a-f]{32}$/i.test(text)) return plainMd5.verify(password, Buffer.from(text, 'hex'))
    throw new UnusableSecret('neither $1$ nor 32 hexadecimal digits')
  },
})
