// Tokens that can be checked without asking anybody: JSON Web Tokens (RFC 7519), signed (RFC 7515) with a key that lies in a
// directory, at AZP/ALG/KID: `default` where the token says neither `azp` nor `kid`. HMAC keys are base64, others PEM.
//
// The algorithm is a part of the key's place, so that no token can choose what a key is used for (RFC 8725 §3.1).

import { Buffer } from 'node:buffer'
import { constants, createHmac, createPublicKey, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { messageOf, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import type { DatabaseWorld } from '../databases.ts'
import { equalBytes } from '../password/equal.ts'

export type Json = { readonly [name: string]: unknown }

export interface JwtRules {
  /** Ends with `/`. */
  keys: string
  clientId: string
  issuers: readonly string[]
  /** Seconds since 1970. */
  now: number
}

/** `text`: a token that was refused, and why (for the log). `not-jwt`: it is none. */
export type JwtOutcome = { status: 'ok'; claims: Json } | { status: 'refused'; reason: string } | { status: 'not-jwt' }

const curves: Record<string, string> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' }
const algorithmForm = /^(HS|RS|PS|ES)(256|384|512)$/
const partForm = /^[A-Za-z0-9_-]+$/

/** A part of a key's path; undefined: it would lead elsewhere. */
const nameOf = (value: unknown): string | undefined => {
  if (value === undefined) return 'default'
  if (typeof value !== 'string' || value === '' || value.startsWith('.') || value.length > limits.jwtNameBytes || /[\u0000-\u001f]/.test(value)) return undefined
  return value.replace(/%/g, '%25').replace(/\//g, '%2f')
}

function objectOf(part: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Json : undefined
  } catch {
    return undefined
  }
}

const refused = (reason: string): JwtOutcome => ({ status: 'refused', reason })

/** Checks a token. TempFail: a key cannot be used. */
export async function checkJwt(token: string, rules: JwtRules, files: DatabaseWorld['files']): Promise<JwtOutcome> {
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every((part) => partForm.test(part))) return { status: 'not-jwt' }
  const [headerPart = '', claimsPart = '', signaturePart = ''] = parts
  const header = objectOf(headerPart)
  if (header === undefined || typeof header['alg'] !== 'string') return { status: 'not-jwt' }
  const claims = objectOf(claimsPart)
  if (claims === undefined) return refused('the token has no claims')
  const algorithm = header['alg']
  if (!algorithmForm.test(algorithm)) return refused(`unsupported algorithm '${algorithm.slice(0, 20)}'`)
  if (header['crit'] !== undefined) return refused('the token has critical extensions')
  const reason = claimsRefused(claims, rules)
  if (reason !== undefined) return refused(reason)
  const [azp, kid] = [nameOf(claims['azp']), nameOf(header['kid'])]
  if (azp === undefined || kid === undefined) return refused('the token names no key')
  const key = await files.read(`${rules.keys}${azp}/${algorithm}/${kid}`)
  if (key === undefined) return refused(`there is no key ${azp}/${algorithm}/${kid}`)
  return signed(algorithm, Buffer.from(key), `${headerPart}.${claimsPart}`, Buffer.from(signaturePart, 'base64url'))
    ? { status: 'ok', claims }
    : refused('the signature is wrong')
}

function claimsRefused(claims: Json, { now, clientId, issuers }: JwtRules): string | undefined {
  const time = (name: string): number | undefined => (claims[name] === undefined ? undefined : typeof claims[name] === 'number' ? claims[name] : Number.NaN)
  const { exp, nbf = now, iat = now } = { exp: time('exp'), nbf: time('nbf'), iat: time('iat') }
  if (typeof claims['sub'] !== 'string') return 'the token has no sub'
  if (exp === undefined || !(exp > now)) return exp === undefined ? 'the token has no exp' : 'the token has expired'
  // Clocks differ: a token that was made just now must not be refused.
  if (!(nbf <= now + limits.jwtSkewSeconds) || !(iat <= now + limits.jwtSkewSeconds)) return 'the token is not valid yet'
  if (issuers.length > 0 && !issuers.includes(String(claims['iss']))) return `issuer '${String(claims['iss']).slice(0, 100)}' is not allowed`
  const audience = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']]
  if (clientId !== '' && !audience.includes(clientId)) return 'the token is not meant for client_id'
  return undefined
}

/** TempFail: the key is no such key. */
function signed(algorithm: string, key: Buffer, data: string, signature: Buffer): boolean {
  const hash = `sha${algorithm.slice(2)}`
  if (algorithm.startsWith('HS')) {
    const secret = Buffer.from(key.toString('latin1').trim(), 'base64')
    if (secret.length === 0) throw new TempFail(`the ${algorithm} key is not base64`)
    return equalBytes(createHmac(hash, secret).update(data).digest(), signature)
  }
  let publicKey: KeyObject
  try {
    publicKey = createPublicKey(key)
  } catch (error) {
    throw new TempFail(`the ${algorithm} key cannot be read: ${messageOf(error)}`)
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey
  const curve = curves[algorithm]
  if (curve === undefined ? type !== 'rsa' : type !== 'ec' || details?.namedCurve !== curve) throw new TempFail(`the key is none of ${algorithm}`)
  const padding = algorithm.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}
  return verify(hash, Buffer.from(data), { key: publicKey, dsaEncoding: 'ieee-p1363', ...padding }, signature)
}
