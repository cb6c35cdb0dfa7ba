// What a password scheme is: how a stored secret is written, and whether a password matches it.

/** How a stored secret is written where no `.hex` or `.b64` suffix says so: as itself, or as the bytes of a digest. */
export type SecretEncoding = 'text' | 'hex' | 'base64'

export interface Scheme {
  /** Upper case, as in `{SSHA512}`; further names follow the first. */
  names: readonly [string, ...string[]]
  encoding: SecretEncoding
  /** Bytes of an unsalted digest: such a secret is recognised in hex or base64 by its length alone, as in Dovecot. */
  digestBytes?: number
  /**
   * Whether `password` (UTF-8) is the one `stored` was made from. Blocking on purpose: it runs in an auth worker, which
   * does one lookup at a time. Throws UnusableSecret where `stored` is broken or this runtime cannot compute it.
   */
  verify(password: Uint8Array, stored: Uint8Array): boolean
}

/** Declares a scheme; each file of workers/schemes/ exports one. */
export const scheme = (declared: Scheme): Scheme => declared

/** A stored secret that cannot be checked: unknown scheme, broken text. Says nothing of the secret itself. */
export class UnusableSecret extends Error {
  override readonly name = 'UnusableSecret'
}
