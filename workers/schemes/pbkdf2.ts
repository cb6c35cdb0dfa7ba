// PBKDF2: Dovecot's form $1$salt$rounds$hex, PBKDF2-HMAC-SHA1 with a digest of 20 bytes (RFC 8018 §5.2).

import { Buffer } from 'node:buffer'
import { pbkdf2Sync } from 'node:crypto'
import { equalBytes } from '../password/equal.ts'
import { scheme, UnusableSecret } from '../password/scheme.ts'

const form = /^\$1\$([^$]+)\$([1-9][0-9]{0,8})\$([0-9a-fA-F]{40})$/

export default scheme({
  names: ['PBKDF2'],
  encoding: 'text',
  verify(password, stored) {
    const parts = form.exec(Buffer.from(stored).toString('utf8'))
    if (parts === null) throw new UnusableSecret('not $1$salt$rounds$digest')
    const [, salt = '', rounds = '', digest = ''] = parts
    return equalBytes(pbkdf2Sync(password, salt, Number(rounds), 20, 'sha1'), Buffer.from(digest, 'hex'))
  },
})
