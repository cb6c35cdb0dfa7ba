// What can be done to a %variable's value: modifiers (%Lu), offset and width (%2.3Mu), hashes (%{md5;truncate=32:user}).
// Every rule here was compared with `doveadm user -e` of Dovecot 2.3.19 (test/unit/conf/expand.test.ts).

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { ConfigError } from '../runtime/errors.ts'

/** `%[-]offset.[-]width`, as written; a width that begins with 0 pads. */
export interface Cut { offset: number; width: number; pad: boolean }

const hashed = (algorithm: string, value: string): Buffer => createHash(algorithm).update(value).digest()

/** The modifiers that look at the value only. They apply from left to right. */
const plain: Record<string, (value: string) => string> = {
  L: (value) => value.toLowerCase(),
  U: (value) => value.toUpperCase(),
  E: (value) => value.replace(/["'\\]/g, '\\$&'),
  R: (value) => [...value].reverse().join(''),
  T: (value) => value.trimEnd(),
  M: (value) => hashed('md5', value).toString('hex'),
  /** A domain as LDAP writes it: example,dc=com. */
  D: (value) => value.replaceAll('.', ',dc='),
  /** A number in hexadecimal; 0 where it is none. */
  X: (value) => (/^\d{1,20}$/.test(value) ? BigInt(value).toString(16) : '0'),
}

/** 28 bits of the old string hash (P. J. Weinberger's). */
const oldHash = (value: string): bigint => {
  let hash = 0
  for (const byte of Buffer.from(value)) {
    hash = (hash * 16 + byte) >>> 0
    const high = hash & 0xf0000000
    if (high !== 0) hash = (hash ^ (high >>> 24) ^ high) >>> 0
  }
  return BigInt(hash)
}

/** The first 64 bits of MD5. Without a modulus only the lower 32 of them are shown. */
const newHash = (value: string): bigint => hashed('md5', value).readBigUInt64BE(0)

const numeric: Record<string, (value: string) => bigint> = { H: oldHash, N: newHash }

export const isModifier = (letter: string): boolean => letter in plain || letter in numeric

/** Applies modifiers, then offset and width. With H and N the width is a modulus and the offset the digits to pad to. */
export const modify = (value: string, modifiers: string, cut: Cut): string => {
  let { offset, width } = cut
  let result = value
  for (const letter of modifiers) {
    const hash = numeric[letter]
    if (hash === undefined) {
      result = plain[letter]!(result)
      continue
    }
    const number = width > 0 ? hash(result) % BigInt(width) : hash(result)
    result = (number & 0xffffffffn).toString(16).padStart(offset, '0')
    offset = width = 0
  }
  return slice(result, offset, width, cut.pad)
}

const slice = (value: string, offset: number, width: number, pad: boolean): string => {
  if (offset === 0 && width === 0) return value
  const chars = [...value]
  const rest = offset >= 0 ? chars.slice(offset) : chars.length > -offset ? chars.slice(offset) : chars
  if (width === 0) return rest.join('')
  if (pad) return rest.join('').padStart(width, '0')
  return width > 0 ? rest.slice(0, width).join('') : rest.slice(0, Math.max(0, rest.length + width)).join('')
}

const algorithms = ['md5', 'sha1', 'sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-512']

export const isHash = (name: string): boolean => algorithms.includes(name)

/** `%{sha1;rounds=2,salt=x,truncate=32,format=base64:user}`. Throws ConfigError. */
export const hash = (algorithm: string, parameters: string | undefined, value: string): string => {
  const { rounds, salt, truncate, format } = hashParameters(parameters ?? '')
  let digest = createHash(algorithm).update(salt).update(value).digest()
  for (let round = 1; round < rounds; round++) digest = createHash(algorithm).update(salt).update(digest).digest()
  const short = truncate === 0 ? digest : truncated(digest, truncate)
  return format === 'base64' ? short.toString('base64') : short.toString('hex')
}

/** More rounds than anyone needs to spread directories would only stop the thread. */
const mostRounds = 100_000

const hashParameters = (text: string): { rounds: number; salt: string; truncate: number; format: string } => {
  const found = { rounds: 1, salt: '', truncate: 0, format: 'hex' }
  for (const parameter of text.split(',').filter((part) => part !== '')) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(parameter) ?? []
    const count = /^\d{1,6}$/.test(value) ? Number(value) : -1
    if (name === 'rounds' && count >= 1 && count <= mostRounds) found.rounds = count
    else if (name === 'truncate' && count >= 0) found.truncate = count
    else if (name === 'salt') found.salt = value
    // 2.3 writes hexuc in lower case as well; paths that were made by it must be found.
    else if (name === 'format' && ['hex', 'hexuc', 'base64'].includes(value)) found.format = value
    else throw new ConfigError(`bad parameter '${parameter}' of a hash (known: rounds, salt, truncate, format = hex | hexuc | base64)`)
  }
  return found
}

/** The first `bits` bits as a number, in as few bytes as hold it. */
const truncated = (digest: Buffer, bits: number): Buffer => {
  if (bits >= digest.length * 8) return digest
  const bytes = Math.ceil(bits / 8)
  const number = BigInt(`0x${digest.subarray(0, bytes).toString('hex')}`) >> BigInt(bytes * 8 - bits)
  return Buffer.from(number.toString(16).padStart(bytes * 2, '0'), 'hex')
}
