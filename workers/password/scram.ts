// SCRAM (RFC 5802 §3, RFC 7677): what is stored of a password, and what a client must send to prove that it knows it.
// Stored as Dovecot does: `iterations,salt,StoredKey,ServerKey`, the last three in base64.

import { Buffer } from 'node:buffer'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import type { ScramHash, ScramProof, ScramSalt } from '../../actors/auth-messages.ts'
import { limits } from '../../runtime/limits.ts'
import { equalBytes } from './equal.ts'
import { scheme, UnusableSecret } from './scheme.ts'
import type { Scheme } from './scheme.ts'

/** What RFC 7677 asks for at least, and what salts are made with where a password is stored in plain. */
export const usualIterations = 4096

const digestBytes: Record<ScramHash, number> = { sha1: 20, sha256: 32 }

/** Names of the schemes, as of the mechanisms. */
export const scramNames: Record<ScramHash, string> = { sha1: 'SCRAM-SHA-1', sha256: 'SCRAM-SHA-256' }

export interface Verifier extends ScramSalt { storedKey: Uint8Array; serverKey: Uint8Array }

const hmac = (hash: ScramHash, key: Uint8Array, text: string): Buffer => createHmac(hash, key).update(text).digest()

/** What is kept of `password`. */
export function verifierOf(hash: ScramHash, password: string | Uint8Array, { salt, iterations }: ScramSalt): Verifier {
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), iterations, digestBytes[hash], hash)
  return {
    salt, iterations, storedKey: createHash(hash).update(hmac(hash, salted, 'Client Key')).digest(), serverKey: hmac(hash, salted, 'Server Key'),
  }
}

/** Reads a stored verifier. UnusableSecret. */
export function parseVerifier(hash: ScramHash, stored: Uint8Array): Verifier {
  const [count = '', salt = '', storedText = '', serverText = '', ...more] = Buffer.from(stored).toString('latin1').split(',')
  const [storedKey, serverKey] = [Buffer.from(storedText, 'base64'), Buffer.from(serverText, 'base64')]
  const iterations = /^[1-9][0-9]{0,9}$/.test(count) ? Number(count) : 0
  const whole = iterations > 0 && iterations <= limits.scramIterations && /^[A-Za-z0-9+/]+={0,2}$/.test(salt) && more.length === 0
  if (!whole || storedKey.length !== digestBytes[hash] || serverKey.length !== digestBytes[hash]) {
    throw new UnusableSecret(`${scramNames[hash]} secret is not iterations,salt,StoredKey,ServerKey`)
  }
  return { salt, iterations, storedKey, serverKey }
}

/** The server's signature (base64) where the client's proof is right; undefined where it is not. */
export function prove({ hash, message, proof }: ScramProof, { storedKey, serverKey }: Verifier): string | undefined {
  const signature = hmac(hash, storedKey, message)
  const sent = Buffer.from(proof, 'base64')
  if (sent.length !== signature.length) return undefined
  const clientKey = signature.map((byte, index) => byte ^ sent[index]!)
  if (!equalBytes(createHash(hash).update(clientKey).digest(), storedKey)) return undefined
  return hmac(hash, serverKey, message).toString('base64')
}

/** The scheme of stored verifiers: a password by PLAIN is checked against them, too. */
export const scramScheme = (hash: ScramHash): Scheme => scheme({
  names: [scramNames[hash]],
  encoding: 'text',
  verify(password, stored) {
    const verifier = parseVerifier(hash, stored)
    return equalBytes(verifierOf(hash, password, verifier).storedKey, verifier.storedKey)
  },
})
