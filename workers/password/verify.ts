// A stored secret `{SCHEME.encoding}text` against a password. As Dovecot's password-scheme: names in any letter case, `.b64`
// and `.hex` suffixes, a default scheme where there is no prefix, and unsalted digests known as hex or base64 by their length.

import { Buffer } from 'node:buffer'
import { all } from '../schemes/index.ts'
import { UnusableSecret } from './scheme.ts'
import type { Scheme } from './scheme.ts'

const schemes = new Map<string, Scheme>(all.flatMap((scheme) => scheme.names.map((name) => [name, scheme] as const)))
const suffixes = new Map<string, 'hex' | 'base64'>([['HEX', 'hex'], ['B64', 'base64'], ['BASE64', 'base64']])
const prefixForm = /^\{([A-Za-z0-9-]+)(?:\.([A-Za-z0-9]+))?\}/
const hexForm = /^(?:[0-9A-Fa-f]{2})+$/
const base64Form = /^[A-Za-z0-9+/]+={0,2}$/

function decode(scheme: Scheme, suffix: 'hex' | 'base64' | undefined, text: string): Uint8Array {
  let encoding = suffix ?? scheme.encoding
  if (suffix === undefined && scheme.digestBytes !== undefined) {
    encoding = text.length === scheme.digestBytes * 2 && hexForm.test(text) ? 'hex' : 'base64'
  }
  if (encoding === 'text') return Buffer.from(text, 'utf8')
  if (!(encoding === 'hex' ? hexForm : base64Form).test(text)) throw new UnusableSecret(`secret of scheme ${scheme.names[0]} is not ${encoding}`)
  return Buffer.from(text, encoding)
}

function findScheme(name: string, suffixName: string | undefined): { scheme: Scheme; suffix?: 'hex' | 'base64' } {
  const scheme = schemes.get(name.toUpperCase())
  if (scheme === undefined) throw new UnusableSecret(`Unknown scheme ${name}`)
  if (suffixName === undefined) return { scheme }
  const suffix = suffixes.get(suffixName.toUpperCase())
  if (suffix === undefined) throw new UnusableSecret(`Unknown encoding .${suffixName} of scheme ${name}`)
  return { scheme, suffix }
}

/**
 * Whether `password` matches `stored`. Blocks for as long as the scheme's cost asks.
 * UnusableSecret: an unknown scheme or broken secret, so that nobody can tell.
 */
export function verifyPassword(password: string, stored: string, defaultScheme: string): boolean {
  const { scheme, bytes } = readSecret(stored, defaultScheme)
  return scheme.verify(Buffer.from(password, 'utf8'), bytes)
}

/** A stored secret, decoded. UnusableSecret. */
export function readSecret(stored: string, defaultScheme: string): { scheme: Scheme; bytes: Uint8Array } {
  const prefix = prefixForm.exec(stored)
  const [name = '', suffixName] = prefix === null ? defaultScheme.split('.') : [prefix[1], prefix[2]]
  const { scheme, suffix } = findScheme(name, suffixName)
  return { scheme, bytes: decode(scheme, suffix, prefix === null ? stored : stored.slice(prefix[0].length)) }
}

/** Throws UnusableSecret where `name` is not a scheme, with or without an encoding. */
export function requireScheme(name: string): void {
  const [scheme = '', suffix] = name.split('.')
  findScheme(scheme, suffix)
}
