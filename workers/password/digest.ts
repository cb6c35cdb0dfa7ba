// The schemes that are one hash: of the password alone, or of password and salt with the salt behind the digest (RFC 2307 style).

import { createHash } from 'node:crypto'
import { equalBytes } from './equal.ts'
import { scheme, UnusableSecret } from './scheme.ts'
import type { Scheme, SecretEncoding } from './scheme.ts'

/** A scheme whose secret is hash(password). */
export const digestScheme = (names: Scheme['names'], hash: string, digestBytes: number, encoding: SecretEncoding = 'base64'): Scheme =>
  scheme({
    names,
    encoding,
    digestBytes,
    verify(password, stored) {
      if (stored.length !== digestBytes) throw new UnusableSecret(`${names[0]} digest is not ${digestBytes} bytes long`)
      return equalBytes(createHash(hash).update(password).digest(), stored)
    },
  })

/** A scheme whose secret is hash(password + salt) + salt. */
export const saltedScheme = (name: string, hash: string, digestBytes: number): Scheme =>
  scheme({
    names: [name],
    encoding: 'base64',
    verify(password, stored) {
      if (stored.length <= digestBytes) throw new UnusableSecret(`${name} digest without salt`)
      const digest = createHash(hash).update(password).update(stored.subarray(digestBytes)).digest()
      return equalBytes(digest, stored.subarray(0, digestBytes))
    },
  })
