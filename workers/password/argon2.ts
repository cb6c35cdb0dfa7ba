// Argon2 in its PHC string form $argon2id$v=19$m=65536,t=3,p=1$salt$digest (RFC 9106), computed by the runtime's own crypto.

import { Buffer } from 'node:buffer'
import * as crypto from 'node:crypto'
import { limits } from '../../runtime/limits.ts'
import { equalBytes } from './equal.ts'
import { scheme, UnusableSecret } from './scheme.ts'
import type { Scheme } from './scheme.ts'

const form = /^\$(argon2i|argon2id)\$v=19\$m=([0-9]{1,10}),t=([0-9]{1,5}),p=([0-9]{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/** The scheme of one variant. Where the runtime lacks Argon2 (Deno 2.9), its secrets are unusable and say so. */
export const argon2Scheme = (name: string, algorithm: 'argon2i' | 'argon2id'): Scheme =>
  scheme({
    names: [name],
    encoding: 'text',
    verify(password, stored) {
      if (typeof crypto.argon2Sync !== 'function') throw new UnusableSecret(`this runtime's node:crypto has no Argon2, which scheme ${name} needs`)
      const parts = form.exec(Buffer.from(stored).toString('latin1'))
      if (parts === null || parts[1] !== algorithm) throw new UnusableSecret(`not a string of ${algorithm}, version 19`)
      const [, , memory = '', passes = '', parallelism = '', salt = '', digest = ''] = parts
      if (Number(memory) > limits.argon2KiB) throw new UnusableSecret(`${name} asks for more than ${limits.argon2KiB} KiB of memory`)
      const expected = Buffer.from(digest, 'base64')
      return equalBytes(argon2(algorithm, password, Buffer.from(salt, 'base64'), expected.length, Number(memory), Number(passes), Number(parallelism)), expected)
    },
  })

function argon2(algorithm: 'argon2i' | 'argon2id', message: Uint8Array, nonce: Uint8Array, tagLength: number, memory: number, passes: number, parallelism: number): Uint8Array {
  try {
    return crypto.argon2Sync(algorithm, { message, nonce, tagLength, memory, passes, parallelism })
  } catch {
    throw new UnusableSecret('Argon2 parameters out of range')
  }
}
