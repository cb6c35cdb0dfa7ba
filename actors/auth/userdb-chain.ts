// The userdb blocks in their order: what is known of a user. Dovecot's auth_request_userdb_callback: `skip`, `result_*`, and
// `prefetch`, which is no database but the `userdb_` fields that the passdb gave already.

import type { UserdbSettings } from '../../conf/settings.ts'
import { isSet, parseFields } from './fields.ts'
import type { Login } from './login.ts'
import { takeUserdbFields } from './login.ts'
import type { LookupResult, RunLookup, Say } from './lookup.ts'
import type { PassdbChain } from './passdb-chain.ts'
import { expandFields, loginVariables, taskVariables } from './variables.ts'

export type UserdbOutcome = 'ok' | 'unknown' | 'temporary'

type Rule = UserdbSettings['result_success' | 'result_failure']

export class UserdbChain {
  readonly #userdbs: readonly UserdbSettings[]
  readonly #runLookup: RunLookup
  readonly #passdbs: PassdbChain
  readonly #say: Say

  constructor(userdbs: readonly UserdbSettings[], passdbs: PassdbChain, runLookup: RunLookup, say: Say) {
    this.#userdbs = userdbs
    this.#passdbs = passdbs
    this.#runLookup = runLookup
    this.#say = say
  }

  /** Fills `login.userdb`. Without any userdb block everybody is known, and the settings alone say where mail is. */
  async find(login: Login): Promise<UserdbOutcome> {
    if (this.#userdbs.length === 0) return 'ok'
    let success = false
    let temporary = false
    let last: LookupResult['status'] = 'unknown'
    for (const userdb of this.#userdbs) {
      if ((userdb.skip === 'found' && success) || (userdb.skip === 'notfound' && !success)) continue
      last = await this.#ask(userdb, login)
      if (last === 'temporary') temporary = true
      const rule: Rule = last === 'ok' ? userdb.result_success : last === 'temporary' ? userdb.result_internalfail : userdb.result_failure
      if (rule.endsWith('-ok')) success = true
      if (rule.endsWith('-fail')) { success = false; last = last === 'ok' ? 'unknown' : last }
      if (!rule.startsWith('continue')) break
    }
    if (success || last === 'ok') return 'ok'
    return temporary ? 'temporary' : 'unknown'
  }

  async #ask(userdb: UserdbSettings, login: Login): Promise<LookupResult['status']> {
    const result = userdb.driver === 'prefetch' ? this.#prefetch(login) : await this.#lookup(userdb, login)
    if (userdb.driver !== 'prefetch') login.lastsMs = Math.min(login.lastsMs, result.lastsMs ?? 0)
    if (result.status === 'temporary') this.#say('error', userdb.driver, result.reason ?? 'lookup failed')
    // Not told by auth_verbose: who sends mail to nobody is no guesser, and must not be banned as one.
    else if (result.status !== 'ok') this.#say(userdb.auth_verbose === 'yes' ? 'info' : 'debug', userdb.driver, result.reason ?? 'unknown user', userdb.auth_verbose)
    if (result.cached === true) this.#say('debug', userdb.driver, `userdb cache hit: ${result.status}`)
    if (result.warning !== undefined) this.#say('warning', userdb.driver, result.warning)
    if (result.status !== 'ok') return result.status
    const variables = loginVariables(login)
    const found = [expandFields(parseFields(userdb.default_fields), variables), result.fields, expandFields(parseFields(userdb.override_fields), variables)]
    if (found.some((fields) => isSet(fields, 'tempfail'))) return 'temporary'
    takeUserdbFields(login, found)
    return 'ok'
  }

  /** A static userdb knows everybody: without a login it believes the passdbs, unless `allow_all_users=yes`. */
  async #lookup(userdb: UserdbSettings, login: Login): Promise<LookupResult> {
    if (userdb.driver === 'static' && !login.verified && !isSet(parseFields(userdb.args), 'allow_all_users')) {
      const known = await this.#passdbs.knows(login)
      if (known !== 'ok') return { status: known === 'refused' ? 'unknown' : 'temporary', fields: {}, reason: 'passdb lookup failed' }
    }
    return this.#runLookup({ kind: 'user', driver: userdb.driver, args: userdb.args, variables: taskVariables(login) })
  }

  #prefetch(login: Login): LookupResult {
    return Object.keys(login.userdb).length > 0
      ? { status: 'ok', fields: login.userdb }
      : { status: 'unknown', fields: {}, reason: 'passdb didn\'t return userdb entries' }
  }
}
