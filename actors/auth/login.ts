// What is known of one login or look-up while it goes through the databases.

import type { AuthRequest, ScramSalt } from '../auth-messages.ts'
import { prefetched } from './fields.ts'
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
  /** passdb fields, and userdb fields (of a prefetching passdb, then of the userdbs). */
  fields: Fields
  userdb: Fields
}

/** A fresh login of a normalised name. */
export const newLogin = (request: AuthRequest, user: string, wanted?: string): Login => ({
  request, user, original: request.username, verified: false, fields: forwarded(request), userdb: {}, ...(wanted === undefined ? {} : { wanted }),
})

/** What a trusted proxy has said, as the fields it becomes. */
export const forwarded = ({ forward = {} }: AuthRequest): Fields =>
  Object.fromEntries(Object.entries(forward).map(([name, value]) => [`forward_${name}`, value]))

/** Fields by which a passdb decides about this one look-up; the next passdb must not inherit them. */
const ownFields = ['user', 'password', 'nopassword', 'allow_nets']

/** Takes over what a successful passdb look-up found. */
export function takePassdbFields(login: Login, found: Fields): void {
  if (found['user'] !== undefined && found['user'] !== '') login.user = found['user']
  for (const [name, value] of Object.entries(found)) {
    if (!ownFields.includes(name) && !name.startsWith('userdb_')) login.fields[name] = value
  }
  Object.assign(login.userdb, prefetched(found))
}

/** Takes over what a userdb look-up found. */
export function takeUserdbFields(login: Login, found: Fields): void {
  if (found['user'] !== undefined && found['user'] !== '') login.user = found['user']
  for (const [name, value] of Object.entries(found)) {
    if (name !== 'user') login.userdb[name] = value
  }
}
