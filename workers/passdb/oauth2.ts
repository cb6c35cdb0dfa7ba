// passdb oauth2: the password is a bearer token (or with use_grant_password one that buys a token), and `args` the OAuth2 file.
// Dovecot's order: a key here, then tokeninfo_url or introspection_url, and introspection_url behind tokeninfo_url where that
// has not told enough. What is known in the end must name the user who logs in, and have scope and active_attribute.
//
// Nothing is remembered: tokens end by themselves.

import { expandFields } from '../../actors/auth/variables.ts'
import { parseFields } from '../../actors/auth/fields.ts'
import type { Fields, LookupResult } from '../../actors/auth/lookup.ts'
import type { Variables } from '../../conf/expand.ts'
import { expand, userVariables } from '../../conf/expand.ts'
import type { OAuth2File } from '../../conf/oauth2-file.ts'
import { readOAuth2File } from '../../conf/oauth2-file.ts'
import { ConfigError, TempFail, messageOf } from '../../runtime/errors.ts'
import type { DatabaseWorld, PassdbSource } from '../databases.ts'
import { passdb } from '../databases.ts'
import { sampleVariables } from '../ldap/directory.ts'
import { checkJwt } from '../oauth2/jwt.ts'
import type { Json } from '../oauth2/jwt.ts'
import { Provider } from '../oauth2/provider.ts'

/** The place of the OAuth2 file. ConfigError. */
function parseArgs(args: string): string {
  const path = args.trim()
  if (!path.startsWith('/')) throw new ConfigError(`oauth2: args must be a path, /… or ./…, not '${path}'`)
  return path
}

/** Values as text: members of objects are `object_member`, lists have blanks between. */
function flat(json: Json, prefix = '', depth = 0): Fields {
  return Object.fromEntries(Object.entries(json).flatMap(([name, value]): [string, string][] => {
    if (Array.isArray(value)) return [[prefix + name, value.filter((one) => typeof one !== 'object').join(' ')]]
    if (typeof value === 'object' && value !== null) return depth < 4 ? Object.entries(flat(value as Json, `${prefix}${name}_`, depth + 1)) : []
    return value === null || value === undefined ? [] : [[prefix + name, String(value)]]
  }))
}

const words = (text: string): string[] => text.split(/[ ,]+/).filter((word) => word !== '')

class OAuth2 implements PassdbSource {
  readonly #file: OAuth2File
  readonly #files: DatabaseWorld['files']
  readonly #provider: Provider
  readonly notes: readonly string[]

  constructor(file: OAuth2File, { files }: DatabaseWorld) {
    this.#file = file
    this.#files = files
    this.#provider = new Provider(file)
    this.notes = file.notes
    const sample = sampleVariables()
    this.#expanded('username_format', () => expand(file.settings.username_format, sample))
    this.#expanded('pass_attrs', () => this.#fields({}, sample))
  }

  /** Without a token nothing is known of anybody. */
  async lookup(): Promise<{ status: 'unknown' }> { return { status: 'unknown' } }

  async verify(variables: Variables, token: string): Promise<LookupResult> {
    const told = await this.#told(token, variables)
    if (typeof told === 'string') return { status: 'mismatch', fields: {}, reason: told }
    const fields: Fields = { access_token: token, ...flat(told) }
    const reason = this.#refusal(told, fields, variables)
    return reason === undefined ? { status: 'ok', fields: this.#fields(fields, variables) } : { status: 'mismatch', fields: {}, reason }
  }

  /** What is known of a token; why it is none, otherwise. */
  async #told(token: string, variables: Variables): Promise<Json | string> {
    const { settings } = this.#file
    const online = settings.introspection_mode !== 'local'
    const introspects = online && settings.introspection_url !== ''
    if (settings.local_validation_key_dict !== '') {
      const outcome = await checkJwt(token, {
        keys: settings.local_validation_key_dict.slice('fs:posix:prefix='.length), clientId: settings.client_id, issuers: settings.issuers,
        now: Math.floor(Date.now() / 1000),
      }, this.#files)
      if (outcome.status === 'refused') return outcome.reason
      if (outcome.status === 'ok') return introspects && settings.force_introspection ? this.#introspected(token, outcome.claims) : outcome.claims
      if (!online || (settings.tokeninfo_url === '' && settings.introspection_url === '')) return 'Not a JWT token'
    }
    if (!settings.use_grant_password && settings.tokeninfo_url === '') {
      if (settings.introspection_url === '') throw new TempFail('neither tokeninfo_url nor introspection_url is set')
      return this.#introspected(token, {})
    }
    const first = settings.use_grant_password
      ? await this.#provider.passwordGrant(String(variables['user']), token)
      : await this.#provider.tokenInfo(token)
    if (first.status === 'refused') return first.reason
    const given = settings.use_grant_password ? first.fields['access_token'] : token
    if (!introspects || typeof given !== 'string' || (!settings.force_introspection && this.#isEnough(first.fields))) return first.fields
    return this.#introspected(given, first.fields)
  }

  async #introspected(token: string, known: Json): Promise<Json | string> {
    const told = await this.#provider.introspect(token)
    return told.status === 'refused' ? told.reason : { ...known, ...told.fields }
  }

  #isEnough(json: Json): boolean {
    const { username_attribute, active_attribute } = this.#file.settings
    const fields = flat(json)
    return Object.hasOwn(fields, username_attribute) && (active_attribute === '' || Object.hasOwn(fields, active_attribute))
  }

  #refusal(json: Json, fields: Fields, variables: Variables): string | undefined {
    const { username_attribute, username_format, active_attribute, active_value, scope } = this.#file.settings
    // RFC 7662 §2.2; a server that tells of no active_attribute has it all the same.
    if (json['active'] === false || (typeof json['expires_in'] === 'number' && json['expires_in'] <= 0)) return 'the token is not active'
    if (typeof json['exp'] === 'number' && json['exp'] <= Date.now() / 1000) return 'the token has expired'
    const name = fields[username_attribute]
    if (name === undefined) throw new TempFail(`the answer has no ${username_attribute} (username_attribute)`)
    const [wanted, found] = [expand(username_format, variables), expand(username_format, { ...variables, ...userVariables({ user: name }) })]
    if (wanted !== found) return `Username '${wanted}' did not match '${found}'`
    const active = fields[active_attribute]
    if (active_attribute !== '' && (active === undefined || (active_value !== '' && active !== active_value))) return 'User account is not active'
    const scopes = words(fields['scope'] ?? fields['aud'] ?? '')
    return words(scope).every((word) => scopes.includes(word)) ? undefined : `Token is not valid for scope '${scope}'`
  }

  #fields(oauth2: Fields, variables: Variables): Fields {
    return Object.assign({}, ...Object.entries(parseFields(this.#file.settings.pass_attrs))
      .map(([name, template]) => expandFields({ [name]: template }, { ...variables, oauth2, $: oauth2[name] ?? '' }))) as Fields
  }

  #expanded(name: 'username_format' | 'pass_attrs', make: () => unknown): void {
    try {
      make()
    } catch (error) {
      throw new ConfigError(`${this.#file.where(name)}: ${name}: ${messageOf(error)}`)
    }
  }
}

export default passdb('oauth2', parseArgs, (path, world) => new OAuth2(readOAuth2File(path), world), { waits: true })
