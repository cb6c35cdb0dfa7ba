// MD5-CRYPT: $1$ of crypt(3), by P.-H. Kamp (FreeBSD, 1994). Weak today, but still in many old users files.

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { cryptBase64 } from '../password/crypt-base64.ts'
import { equalBytes } from '../password/equal.ts'
import { scheme, UnusableSecret } from '../password/scheme.ts'

const form = /^\$1\$([^$]{0,8})\$([./0-9A-Za-z]{22})$/
const rounds = 1000

const md5 = (...pieces: Uint8Array[]): Buffer => createHash('md5').update(Buffer.concat(pieces)).digest()

function digestOf(password: Uint8Array, salt: Uint8Array): Uint8Array {
  const inner = md5(password, salt, password)
  const first: Uint8Array[] = [password, Buffer.from('$1$'), salt]
  for (let left = password.length; left > 0; left -= 16) first.push(inner.subarray(0, Math.min(16, left)))
  for (let bits = password.length; bits > 0; bits >>>= 1) first.push(bits & 1 ? Uint8Array.of(0) : password.subarray(0, 1))
  let digest = md5(...first)
  for (let round = 0; round < rounds; round++) {
    const pieces: Uint8Array[] = [round & 1 ? password : digest]
    if (round % 3) pieces.push(salt)
    if (round % 7) pieces.push(password)
    pieces.push(round & 1 ? digest : password)
    digest = md5(...pieces)
  }
  return digest
}

function encode(digest: Uint8Array): string {
  const at = (index: number): number => digest[index] ?? 0
  let text = ''
  for (let n = 0; n < 5; n++) text += cryptBase64(at(n), at(n + 6), at(n === 4 ? 5 : n + 12), 4)
  return text + cryptBase64(0, 0, at(11), 2)
}

export default scheme({
  names: ['MD5-CRYPT', 'MD5'],
  encoding: 'text',
  verify(password, stored) {
    const parts = form.exec(Buffer.from(stored).toString('utf8'))
    if (parts === null) throw new UnusableSecret('not an MD5-crypt string')
    const [, salt = '', expected = ''] = parts
    return equalBytes(Buffer.from(encode(digestOf(password, Buffer.from(salt)))), Buffer.from(expected))
  },
})
