// What the auth actor asks of its databases, one at a time, and what they answer. Structured-clonable: it runs in an auth worker.

import type { Variables } from '../../conf/expand.ts'
import type { ScramHash, ScramProof, ScramSalt } from '../auth-messages.ts'

/** Extra fields of Dovecot's passdb and userdb: `user`, `nologin`, `home`, `quota_rule`, `userdb_home` … */
export type Fields = Record<string, string>

export interface LookupTask {
  /**
   * `verify`: passdb with a password. `find`: passdb without one, because another has verified it. `user`: userdb. `users`:
   * all names that a userdb has. `salt`, `prove`: passdb with SCRAM in place of a password; never to be remembered.
   */
  kind: 'verify' | 'find' | 'user' | 'users' | 'salt' | 'prove'
  /** passdb's or userdb's `driver` and `args`, as configured. */
  driver: string
  args: string
  /**
   * What %variables of `args` and of the entries stand for. Nothing that differs from one connection to the next (session,
   * client port): equal tasks share one look-up.
   */
  variables: Variables
  password?: string
  /** Of `salt`; of `prove`, with what the client has sent. */
  scram?: ScramClaim
}

export type ScramClaim = { hash: ScramHash } | ScramProof

/**
 * `mismatch`: known, but another password (or none at all). `temporary`: nobody can tell now. `reason` is for the log,
 * never for the client.
 */
export interface LookupResult {
  status: 'ok' | 'mismatch' | 'unknown' | 'temporary'
  /** Of the entry, expanded; empty unless `ok`. */
  fields: Fields
  reason?: string
  /** Of `users`. */
  users?: string[]
  /** Of `salt`, whatever the status: nobody shall see who is unknown. */
  salt?: ScramSalt
  /** Of `prove`: by which the client knows the server. */
  signature?: string
  /** Remembered from an earlier look-up. */
  cached?: true
  /** So long (ms) whoever asks again will hear the same, unless what is remembered is flushed; absent: nobody can tell. */
  lastsMs?: number
  /** Of an `ok` that is not quite as it should be; for the log as well. */
  warning?: string
}

/** Never answers a wrong `ok`; may reject, which counts as `temporary`. */
export type RunLookup = (task: LookupTask) => Promise<LookupResult>

/** One step of a look-up that is worth a line in the log; `verbose`: a database's own auth_verbose. */
export type Say = (level: 'debug' | 'info' | 'warning' | 'error', driver: string, text: string, verbose?: 'default' | 'yes' | 'no') => void
