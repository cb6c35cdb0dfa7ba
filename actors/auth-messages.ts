// What sessions say to the auth actor (address `auth`, on the main thread) and what it answers. Structured-clonable.

import type { Endpoint, TlsProperties } from './session/seed.ts'
import type { Account } from './user/types.ts'

/** A password to verify, after the SASL exchange has been reduced to it by the session (PLAIN, LOGIN, IMAP LOGIN, USER/PASS). */
export interface LoginRequest {
  kind: 'login'
  /** imap, pop3, managesieve … (%s) */
  service: string
  mechanism: string
  /** As typed by the client. */
  username: string
  /** Also the token of OAUTHBEARER and XOAUTH2; empty where there is `proof`. */
  password: string
  /** What SCRAM sends in place of a password. */
  proof?: ScramProof
  /** SASL authorization identity, if it differs (master users). */
  authzid?: string
  session: string
  remote: Endpoint
  local: Endpoint
  /** Who has brought the connection, where a proxy has forwarded the client's address as `remote`. */
  peer?: Endpoint
  /** TLS, or a trusted peer. */
  secured: boolean
  tls?: TlsProperties
  /** From a trusted peer: that has its own penalties for those who guess. */
  trusted?: boolean
  /** What a trusted proxy has said for the passdb: %{passdb:forward_<name>}. */
  forward?: Readonly<Record<string, string>>
}

/** userdb lookup without a password: LMTP recipients, admin commands. */
export interface LookupRequest {
  kind: 'lookup'
  service: string
  username: string
  /** Ask the passdbs first whether the user is another server's. */
  proxy?: true
  session: string
  remote?: Endpoint
  local?: Endpoint
  forward?: Readonly<Record<string, string>>
}

export type AuthRequest = LoginRequest | LookupRequest

export type ScramHash = 'sha1' | 'sha256'

/** Salt (base64) and iterations of a user's stored password. */
export interface ScramSalt { salt: string; iterations: number }

/** What a SCRAM client has proved that it knows (RFC 5802 §3): `proof` over `message`, in base64. */
export interface ScramProof extends ScramSalt { hash: ScramHash; message: string; proof: string }

/** What SCRAM tells a client before it has proved anything; `of` has no password. Strangers get a salt as well. */
export interface SaltRequest { kind: 'salt'; hash: ScramHash; of: LoginRequest }
export type SaltAnswer = ({ status: 'ok' } & ScramSalt) | { status: 'refused' | 'temporary' }

/** For administrators: the passdbs alone, with a password (as a login) or without one. */
export interface PassdbRequest { kind: 'passdb'; of: AuthRequest }

/** For administrators: the names of all users. */
export interface UsersRequest { kind: 'users' }

/**
 * `refused`: wrong or unknown — deliberately not told apart for logins (`unknown` appears in lookups only).
 * `temporary`: a database is away; the answer may be another one later.
 * `disabled`: the password was right, but the account may not log in (nologin); `reason` may be shown. `elsewhere`: where it
 * may (the passdb's fields host, port and destuser).
 */
export type AuthAnswer =
  /** `signature`: the server's, of SCRAM (base64). `lastsMs`: so long the same look-up has the same answer, whichever connection it is for. */
  | { status: 'ok'; account: Account; signature?: string; lastsMs?: number }
  | { status: 'proxy'; to: ProxyTarget; signature?: string }
  | { status: 'refused' | 'unknown' | 'temporary' | 'disabled'; reason?: string; elsewhere?: Elsewhere }

/** A server to which the client's connection (or mail) is passed on, and who the user is there: the passdb's fields `proxy`, `host` … */
export interface ProxyTarget {
  host: string
  port?: number
  user: string
  /** The passdb has said so (destuser). */
  renamed: boolean
  password: string
  /** Log in as this one, for `user` (AUTHENTICATE PLAIN with an authorization identity). */
  master?: string
  /** SASL mechanism, upper case; absent: the protocol's own login command. */
  mechanism?: string
  /** Connecting and logging in; absent: login_proxy_timeout. */
  timeoutMs?: number
  tls: 'none' | 'implicit' | 'starttls'
  /** The server must have a valid certificate. */
  verify: boolean
  /** It may be told whose connection this is. */
  trusted: boolean
  /** It is sent one command at a time. */
  patient: boolean
  /** Fields to be forwarded, without `forward_`. */
  forward: Record<string, string>
}

/** Another server that serves the account. */
export interface Elsewhere { host: string; port?: number; user: string }

/** `user`: the name that the passdbs made of it; `fields`: theirs, those of a prefetching one as `userdb_…`. */
export type PassdbAnswer = { status: 'ok'; user: string; fields: Record<string, string> } | { status: 'refused' | 'temporary' }

/** Names in no order, each once. `temporary`: a database is away, or cannot list. */
export type UsersAnswer = { status: 'ok'; users: string[] } | { status: 'temporary'; reason: string }

/** For administrators: to forget remembered look-ups, of all users or of some. */
export interface FlushRequest { kind: 'flush'; users: readonly string[] }
export interface FlushAnswer { status: 'ok'; flushed: number }

/** Everything that auth can be asked. */
export type AnyAuthRequest = AuthRequest | SaltRequest | PassdbRequest | UsersRequest | FlushRequest
export type AnyAuthAnswer = AuthAnswer | SaltAnswer | PassdbAnswer | UsersAnswer | FlushAnswer
