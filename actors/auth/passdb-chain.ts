// The passdb blocks in their order: who verifies the password, and what a success or failure means for the rest of them.
// The rules are Dovecot's auth_request_handle_passdb_callback: `skip`, `deny`, `master`, `pass`, `result_*`, fields of a failed
// look-up are forgotten, a database that was away makes the whole answer temporary unless another one says yes.

import { matcher } from '../../conf/mask.ts'
import { shownPassword } from '../../conf/shown-password.ts'
import { inNetworks } from '../../conf/network.ts'
import type { PassdbSettings } from '../../conf/settings.ts'
import { parseDelay } from './delay-until.ts'
import { isSet, parseFields } from './fields.ts'
import type { Login } from './login.ts'
import { forwarded, passdbFields, takePassdbFields } from './login.ts'
import type { Fields, LookupResult, LookupTask, RunLookup, Say, ScramClaim } from './lookup.ts'
import { expandFields, loginVariables, taskVariables } from './variables.ts'

/** `refused` hides whether user or password was wrong. */
export type PassdbOutcome = 'ok' | 'refused' | 'temporary'

type Rule = PassdbSettings['result_success' | 'result_failure']

const goesOn = (rule: Rule): boolean => rule.startsWith('continue')

/** Lists with `!` for exclusions: nothing excluded it, and something included it or only exclusions are listed. */
function listed(words: readonly string[], matches: (word: string) => boolean): boolean {
  const wanted = words.filter((word) => !word.startsWith('!'))
  if (words.some((word) => word.startsWith('!') && matches(word.slice(1)))) return false
  return wanted.length === 0 || wanted.some(matches)
}

/** The field allow_nets: addresses and networks separated by commas; `local` is a UNIX socket. ConfigError: not a network. */
function isAllowed(nets: string, ip: string): boolean {
  const words = nets.split(/[,\s]+/).filter((word) => word !== '')
  return ip === '' ? words.includes('local') : inNetworks(ip, words.filter((word) => word !== 'local'))
}

/** `mechanism` is empty where there is no password. */
function isAsked(passdb: PassdbSettings, login: Login, mechanism: string, success: boolean): boolean {
  if (passdb.master !== (login.wanted !== undefined)) return false
  if (passdb.skip === 'authenticated' && success) return false
  if (passdb.skip === 'unauthenticated' && !success) return false
  return (mechanism === '' || listed(passdb.mechanisms, (word) => word.toUpperCase() === mechanism.toUpperCase()))
    && listed(passdb.username_filter, (mask) => matcher(mask)(login.user))
}

const taskOf = (claim: string | ScramClaim): Pick<LookupTask, 'kind' | 'password' | 'scram'> =>
  (typeof claim === 'string' ? { kind: 'verify', password: claim } : { kind: 'proof' in claim ? 'prove' : 'salt', scram: claim })

export class PassdbChain {
  readonly #passdbs: readonly PassdbSettings[]
  readonly #runLookup: RunLookup
  readonly #say: Say
  readonly #passwords: string

  /** `passwords`: how the log shows them (auth_verbose_passwords). */
  constructor(passdbs: readonly PassdbSettings[], runLookup: RunLookup, say: Say, passwords = 'no') {
    this.#passdbs = passdbs
    this.#runLookup = runLookup
    this.#say = say
    this.#passwords = passwords
  }

  /** Whether some passdb holds master users. */
  get hasMasters(): boolean { return this.#passdbs.some((passdb) => passdb.master) }

  /** Verifies `claim` (a password, or SCRAM) for `login`, and fills its fields. */
  async verify(login: Login, mechanism: string, claim: string | ScramClaim): Promise<PassdbOutcome> {
    let success = false
    let temporary = false
    let last: LookupResult['status'] = 'unknown'
    for (let index = 0; index < this.#passdbs.length; index++) {
      const passdb = this.#passdbs[index]
      if (passdb === undefined || !isAsked(passdb, login, mechanism, success)) continue
      last = await this.#ask(passdb, login, claim)
      const found = last === 'ok'
      if (passdb.deny && last !== 'unknown') return last === 'temporary' ? 'temporary' : 'refused'
      if (last === 'temporary') temporary = true
      const rule = this.#ruleOf(passdb, last)
      // The password is looked at no more; where the success counts as a failure, the next passdb must know it, too.
      if (rule === 'continue-ok' || (found && rule !== 'continue-fail')) login.verified = true
      if (rule.endsWith('-ok')) success = true
      if (rule.endsWith('-fail')) {
        success = false
        if (last === 'ok') last = 'mismatch'
      }
      if (found && login.wanted !== undefined) {
        this.#becomeWanted(login)
        index = -1
      }
      if (!goesOn(rule)) break
    }
    // Where the last one asked said "continue" or "return", its own result stands.
    if (success || last === 'ok') return 'ok'
    return temporary ? 'temporary' : 'refused'
  }

  /** Whether the passdbs know the user, for a userdb that knows everybody. Leaves `login` alone but for its name, and how long all that lasts. */
  async knows(login: Login): Promise<PassdbOutcome> {
    const { outcome, login: copy } = await this.find(login)
    if (outcome === 'ok') login.user = copy.user
    return outcome
  }

  /** What the passdbs know of a user without its password, in a copy of `login`. */
  async find(login: Login): Promise<{ outcome: PassdbOutcome; login: Login }> {
    const copy: Login = { ...login, verified: true, fields: forwarded(login.request), userdb: {} }
    const outcome = await this.verify(copy, '', '')
    login.lastsMs = copy.lastsMs
    return { outcome, login: copy }
  }

  #ruleOf(passdb: PassdbSettings, status: LookupResult['status']): Rule {
    if (status === 'temporary') return passdb.result_internalfail
    if (status !== 'ok') return passdb.result_failure
    return passdb.pass && passdb.result_success === 'return-ok' ? 'continue' : passdb.result_success
  }

  /** A verified master user goes on as the user it asked for; other passdbs are asked from the first one. */
  #becomeWanted(login: Login): void {
    login.master = login.user
    login.user = login.wanted ?? login.user
    delete login.wanted
  }

  async #ask(passdb: PassdbSettings, login: Login, claim: string | ScramClaim): Promise<LookupResult['status']> {
    const find = login.verified || passdb.deny
    const variables = taskVariables(login)
    const result = await this.#runLookup({ driver: passdb.driver, args: passdb.args, variables, ...(find ? { kind: 'find' } : taskOf(claim)) })
    login.lastsMs = Math.min(login.lastsMs, result.lastsMs ?? 0)
    if (result.salt !== undefined && login.salt?.known !== true) login.salt = { known: result.status === 'ok', salt: result.salt }
    if (result.signature !== undefined) login.signature = result.signature
    if (result.status === 'temporary') this.#say('error', passdb.driver, result.reason ?? 'lookup failed')
    else if (passdb.deny) { if (result.status !== 'unknown') this.#info(passdb, 'User found from deny passdb') }
    else if (result.status === 'unknown') this.#info(passdb, `${result.reason ?? 'unknown user'}${this.#shown(find ? '' : claim)}`)
    else if (result.status === 'mismatch') this.#info(passdb, `${result.reason ?? 'Password mismatch'}${this.#shown(claim)}`)
    if (result.cached === true) this.#say('debug', passdb.driver, `cache hit: ${result.status}`)
    if (result.warning !== undefined) this.#say('warning', passdb.driver, result.warning)
    if (result.status !== 'ok' || passdb.deny) return result.status
    return this.#take(passdb, login, result.fields)
  }

  #info(passdb: PassdbSettings, text: string): void { this.#say('info', passdb.driver, text, passdb.auth_verbose) }

  #shown(claim: string | ScramClaim): string { return typeof claim === 'string' ? shownPassword(this.#passwords, claim) : '' }

  /** This passdb lets nobody in, by fields of the user's. */
  #refused(passdb: PassdbSettings, text: string): 'unknown' {
    this.#info(passdb, text)
    return 'unknown'
  }

  /** The same, by fields that cannot be meant so. */
  #broken(passdb: PassdbSettings, text: string): 'unknown' {
    this.#say('error', passdb.driver, text)
    return 'unknown'
  }

  #take(passdb: PassdbSettings, login: Login, found: Fields): LookupResult['status'] {
    const variables = loginVariables(login)
    const fields = passdbFields(
      login, expandFields(parseFields(passdb.default_fields), variables), found, expandFields(parseFields(passdb.override_fields), variables))
    const { allow_nets, allow_real_nets, delay_until, user } = fields
    // A look-up without a password lets nobody in.
    if (login.request.kind === 'login') {
      const { remote, peer = remote } = login.request
      for (const [name, nets, { ip }] of [['allow_nets', allow_nets, remote], ['allow_real_nets', allow_real_nets, peer]] as const) {
        if (nets !== undefined && !isAllowed(nets, ip)) return this.#refused(passdb, `${name} check failed: IP not in allowed networks`)
      }
    }
    if (isSet(fields, 'fail')) return this.#refused(passdb, 'User is refused by the field fail')
    if (isSet(fields, 'tempfail')) return 'temporary'
    if (user === '') return this.#broken(passdb, 'username attempted to be changed to empty')
    const delay = delay_until === undefined ? undefined : parseDelay(delay_until)
    if (delay !== undefined) login.delay = delay
    else if (delay_until !== undefined) return this.#broken(passdb, `Invalid delay_until '${delay_until}'`)
    const before = login.user
    takePassdbFields(login, fields)
    if (login.wanted !== undefined && fields['login_user'] === login.wanted) this.#info(passdb, `Master user logging in as ${login.wanted}`)
    if (login.user !== before) this.#say('debug', passdb.driver, `username changed ${before} -> ${login.user}`)
    return 'ok'
  }
}
