// What a SASL mechanism is to a session: a pure machine that turns the client's responses into credentials (RFC 4422).
// Base64, lines and cancelling ("*") are the protocol's own business; no password is ever checked here.

import type { AuthAnswer, ScramHash, ScramProof, ScramSalt } from '../../auth-messages.ts'
import type { Random } from '../../../runtime/effects.ts'
import type { SessionSeed } from '../seed.ts'

/** One answer of an exchange. `challenge` goes to the client (raw, not base64) and its next response comes to `next`. */
export type SaslStep =
  | { kind: 'challenge'; bytes: Uint8Array }
  /** The exchange is complete. `authzid` is present only where it differs from the user name (a master user's login). */
  | { kind: 'credentials'; username: string; password: string; authzid?: string; proof?: ScramProof }
  /** The user's salt is needed: `salted` goes on. */
  | { kind: 'salt'; hash: ScramHash; username: string; authzid?: string }
  /** The client broke the mechanism's rules: BAD in IMAP, and no password was tried. `reason` may be shown. */
  | { kind: 'error'; reason: string }

/** One running exchange. */
export interface SaslExchange {
  /**
   * The client's next response, decoded from base64. The first call has the initial response, or undefined where the
   * client sent none. Not called again after `credentials` or `error`.
   */
  next(response: Uint8Array | undefined): SaslStep
  /** After a step `salt`. */
  salted?(salt: ScramSalt): SaslStep
  /**
   * After `credentials`: one more challenge that tells the client what has become of them, as SCRAM and OAUTHBEARER have it.
   * Whatever the client answers to it changes nothing.
   */
  conclude?(answer: AuthAnswer): Uint8Array | undefined
}

export interface Mechanism {
  /** As in AUTH=, upper case; also the name in `auth_mechanisms`. */
  name: string
  /** The password crosses the wire: refused on unsecured connections when disable_plaintext_auth is set. */
  plaintext: boolean
  /** False: it is of no use on this connection, and unknown there. */
  offered?(seed: SessionSeed): boolean
  start(random: Random): SaslExchange
}

/** Declares a mechanism; each file of this folder exports one. */
export const mechanism = (declared: Mechanism): Mechanism => declared

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of a field of a response: at most `maxBytes` bytes of UTF-8 without NUL, undefined for anything else. */
export function saslText(bytes: Uint8Array, maxBytes: number): string | undefined {
  if (bytes.length > maxBytes || bytes.includes(0)) return undefined
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** The error step. */
export const saslError = (reason: string): SaslStep => ({ kind: 'error', reason })
