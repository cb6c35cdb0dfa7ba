// CRYPT: whatever crypt(3) of a modern system makes, told apart by its $id$. Traditional DES is refused: it keeps eight
// characters and 12 bits of salt, and can be searched through in an afternoon.

import { Buffer } from 'node:buffer'
import { systemCrypt } from '../password/system-crypt.ts'
import { scheme, UnusableSecret } from '../password/scheme.ts'
import type { Scheme } from '../password/scheme.ts'
import blfCrypt from './blf-crypt.ts'
import md5Crypt from './md5-crypt.ts'
import sha256Crypt from './sha256-crypt.ts'
import sha512Crypt from './sha512-crypt.ts'

const bySystem: Pick<Scheme, 'verify'> = { verify: systemCrypt }

const byId: Record<string, Pick<Scheme, 'verify'>> = {
  '1': md5Crypt, '2a': blfCrypt, '2b': blfCrypt, '2x': blfCrypt, '2y': blfCrypt, '5': sha256Crypt, '6': sha512Crypt,
  // gost-yescrypt, scrypt, yescrypt
  gy: bySystem, 7: bySystem, y: bySystem,
}

export default scheme({
  names: ['CRYPT'],
  encoding: 'text',
  verify(password, stored) {
    const id = /^\$([0-9a-z]+)\$/.exec(Buffer.from(stored).toString('latin1'))?.[1]
    if (id === undefined) throw new UnusableSecret('traditional DES crypt is not supported: use $2y$, $5$ or $6$, or name the scheme of the password')
    const kind = byId[id]
    if (kind === undefined) throw new UnusableSecret(`crypt $${id}$ is not supported: use $2y$, $5$ or $6$`)
    return kind.verify(password, stored)
  },
})
