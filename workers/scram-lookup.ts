// SCRAM against one entry of a passdb: its salt for the client's first message, its proof in the last one. Entries may keep
// a verifier of the mechanism, or the password in plain; of any other secret nothing can be proved.
//
// Who is unknown, or has no such secret, has a salt too, made of the name: the same one for as long as the server runs.

import { createHmac } from 'node:crypto'
import type { ScramHash, ScramProof, ScramSalt } from '../actors/auth-messages.ts'
import type { LookupResult } from '../actors/auth/lookup.ts'
import { okResult } from './auth-lookup.ts'
import type { PassdbEntry, Secret } from './databases.ts'
import { parseVerifier, prove, scramNames, verifierOf } from './password/scram.ts'
import type { Verifier } from './password/scram.ts'
import { readSecret } from './password/verify.ts'

/** Base64. */
export const derivedSalt = (key: Uint8Array | undefined, user: string): string =>
  createHmac('sha256', key ?? '').update(user).digest().subarray(0, 16).toString('base64')

type Kept = Verifier | { plain: Uint8Array } | string

/** What SCRAM finds in a secret; a reason for the log where that is nothing. UnusableSecret. */
function keptBy({ text, scheme: byDefault }: Secret, hash: ScramHash): Kept {
  const { scheme, bytes } = readSecret(text, byDefault)
  const [name] = scheme.names
  if (name === scramNames[hash]) return parseVerifier(hash, bytes)
  return name === 'PLAIN' ? { plain: bytes } : `Requested ${scramNames[hash]} scheme, but we have only ${name}`
}

/** The answer to a client's first message. */
export function salted(entry: PassdbEntry, hash: ScramHash, derived: ScramSalt): LookupResult {
  if (entry.status === 'unknown' || entry.secret === undefined) return { status: 'unknown', fields: {}, salt: derived }
  const kept = keptBy(entry.secret, hash)
  if (typeof kept === 'string') return { status: 'mismatch', fields: {}, reason: kept, salt: derived }
  return { ...okResult(entry), salt: 'plain' in kept ? derived : { salt: kept.salt, iterations: kept.iterations } }
}

/** The answer to its last one. A field `nopassword` is no proof. */
export function proved(entry: PassdbEntry, proof: ScramProof): LookupResult {
  const secret = entry.status === 'unknown' ? entry.decoy : entry.secret
  const kept = secret === undefined ? 'No password returned' : keptBy(secret, proof.hash)
  const signature = typeof kept === 'string' ? undefined : prove(proof, 'plain' in kept ? verifierOf(proof.hash, kept.plain, proof) : kept)
  if (entry.status === 'unknown') return { status: 'unknown', fields: {} }
  if (signature !== undefined) return { ...okResult(entry), signature }
  return { status: 'mismatch', fields: {}, ...(typeof kept === 'string' ? { reason: kept } : {}) }
}
