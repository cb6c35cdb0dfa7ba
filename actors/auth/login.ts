// What is known of one login or look-up while it goes through the databases.

import type { AuthRequest, ScramSalt } from '../auth-messages.ts'
import type { Delay } from './delay-until.ts'
import { mergeFields, prefetched, renamed } from './fields.ts'
import type { Fields } from './lookup.ts'

export interface Login {
  readonly request: AuthRequest
  /** Normalised; a passdb or userdb may change it by its field `user`. */
  user: string
  /** As typed. */
  readonly original: string
  /** The user a master user asks for, normalised; absent for everybody else, and after the master has been verified. */
  wanted?: string
  /** The master user's name, once verified. */
  master?: string
  /** Some passdb has verified the password: the following ones are asked without. */
  verified: boolean
  /** What the passdbs have answered to SCRAM; the first one that knows the user counts. */
  salt?: { known: boolean; salt: ScramSalt }
  signature?: string
  /** So long (ms) the databases that have been asked will answer the same (LookupResult.lastsMs). */
  lastsMs: number
  /** When the answer may be given. */
  delay?: Delay
  /** passdb fields, and userdb fields (of a prefetching passdb, then of the userdbs). */
  fields: Fields
  userdb: Fields
}

/** A fresh login of a normalised name. */
export const newLogin = (request: AuthRequest, user: string, wanted?: string): Login => ({
  request, user, original: request.username, verified: false, lastsMs: Infinity, fields: forwarded(request), userdb: {}, ...(wanted === undefined ? {} : { wanted }),
})

/** What a trusted proxy has said, as the fields it becomes. */
export const forwarded = ({ forward = {} }: AuthRequest): Fields =>
  Object.fromEntries(Object.entries(forward).map(([name, value]) => [`forward_${name}`, value]))

/** Fields that make another name of the user's. */
const nameFields = ['user', 'username', 'domain']

/** Fields by which a passdb decides about this one look-up; the next passdb must not inherit them. */
const ownFields = [...nameFields, 'login_user', 'password', 'nopassword', 'allow_nets', 'allow_real_nets', 'delay_until']

/** What the passdbs have given until now, and then `found`. */
export const passdbFields = ({ fields, userdb }: Login, ...found: readonly Fields[]): Fields =>
  mergeFields({ ...fields, ...Object.fromEntries(Object.entries(userdb).map(([name, value]) => [`userdb_${name}`, value])) }, ...found)

/** Takes over what a successful passdb look-up has made of the fields (passdbFields). */
export function takePassdbFields(login: Login, fields: Fields): void {
  login.user = renamed(login.user, fields)
  // Who logs in is a master user, then; only once, or a passdb might go on so for ever.
  if (login.request.kind === 'login' && login.master === undefined && fields['login_user'] !== undefined && fields['login_user'] !== '') login.wanted = fields['login_user']
  login.fields = Object.fromEntries(Object.entries(fields).filter(([name]) => !ownFields.includes(name) && !name.startsWith('userdb_')))
  login.userdb = prefetched(fields)
}

/** Takes over what a userdb look-up found. */
export function takeUserdbFields(login: Login, found: readonly Fields[]): void {
  const fields = mergeFields(login.userdb, ...found)
  login.user = renamed(login.user, fields)
  login.userdb = Object.fromEntries(Object.entries(fields).filter(([name]) => !nameFields.includes(name)))
}
