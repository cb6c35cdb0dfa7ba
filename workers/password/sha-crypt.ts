// SHA-crypt: $5$ and $6$ of crypt(3), by "Unix crypt using SHA-256 and SHA-512", U. Drepper, version 0.6. The step numbers are its.

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { cryptBase64 } from './crypt-base64.ts'
import { equalBytes } from './equal.ts'
import { UnusableSecret } from './scheme.ts'

interface Variant { hash: string; digestBytes: number; pattern: RegExp; encode(digest: Uint8Array): string }

const form = (id: string): RegExp => new RegExp(`^\\$${id}\\$(rounds=[0-9]{1,10}\\$)?([^$]*)\\$([./0-9A-Za-z]+)$`)
const defaultRounds = 5000
const minRounds = 1000
const maxRounds = 999_999_999
const saltBytes = 16

const at = (digest: Uint8Array, index: number): number => digest[index] ?? 0

/** Step 22, SHA-256: the triples' indexes rotate by 10 and the columns swap. */
function encode256(digest: Uint8Array): string {
  let text = ''
  let [a, b, c] = [0, 10, 20]
  for (let n = 0; n < 10; n++) {
    text += cryptBase64(at(digest, a), at(digest, b), at(digest, c), 4)
    ;[a, b, c] = [c + 1, a + 1, b + 1]
  }
  return text + cryptBase64(0, at(digest, 31), at(digest, 30), 3)
}

/** Step 22, SHA-512: as above with 21 between the columns. */
function encode512(digest: Uint8Array): string {
  let text = ''
  let [a, b, c] = [0, 21, 42]
  for (let n = 0; n < 21; n++) {
    text += cryptBase64(at(digest, a), at(digest, b), at(digest, c), 4)
    ;[a, b, c] = [b + 1, c + 1, a + 1]
  }
  return text + cryptBase64(0, 0, at(digest, 63), 2)
}

export const sha256Crypt: Variant = { hash: 'sha256', digestBytes: 32, pattern: form('5'), encode: encode256 }
export const sha512Crypt: Variant = { hash: 'sha512', digestBytes: 64, pattern: form('6'), encode: encode512 }

/** `count` bytes of `digest` repeated. */
function stretched(digest: Uint8Array, count: number): Buffer {
  const out = Buffer.alloc(count)
  for (let offset = 0; offset < count; offset += digest.length) out.set(digest.subarray(0, count - offset), offset)
  return out
}

function digestOf(variant: Variant, password: Uint8Array, salt: Uint8Array, rounds: number): Uint8Array {
  const hash = (...pieces: Uint8Array[]): Buffer => {
    const state = createHash(variant.hash)
    for (const piece of pieces) state.update(piece)
    return state.digest()
  }
  const b = hash(password, salt, password) // 4–8
  const first: Uint8Array[] = [password, salt, stretched(b, password.length)] // 1–3, 9–10
  for (let bits = password.length; bits > 0; bits >>>= 1) first.push(bits & 1 ? b : password) // 11
  let digest: Uint8Array = hash(...first) // 12
  const dp = createHash(variant.hash) // 13–15
  for (let n = 0; n < password.length; n++) dp.update(password)
  const p = stretched(dp.digest(), password.length) // 16
  const ds = createHash(variant.hash) // 17–19
  for (let n = 0; n < 16 + at(digest, 0); n++) ds.update(salt)
  const s = stretched(ds.digest(), salt.length) // 20
  for (let round = 0; round < rounds; round++) { // 21
    const pieces: Uint8Array[] = [round & 1 ? p : digest]
    if (round % 3) pieces.push(s)
    if (round % 7) pieces.push(p)
    pieces.push(round & 1 ? digest : p)
    digest = hash(Buffer.concat(pieces))
  }
  return digest
}

/** Whether `password` gives the crypt string `stored`. */
export function verifyShaCrypt(variant: Variant, password: Uint8Array, stored: Uint8Array): boolean {
  const parts = variant.pattern.exec(Buffer.from(stored).toString('utf8'))
  if (parts === null) throw new UnusableSecret('not a SHA-crypt string of this kind')
  const [, roundsText, salt = '', expected = ''] = parts
  const asked = roundsText === undefined ? defaultRounds : Number(roundsText.slice('rounds='.length, -1))
  const rounds = Math.min(maxRounds, Math.max(minRounds, asked))
  const digest = digestOf(variant, password, Buffer.from(salt, 'utf8').subarray(0, saltBytes), rounds)
  return equalBytes(Buffer.from(variant.encode(digest)), Buffer.from(expected))
}
