// passdb ldap: `args` is the LDAP file. Passwords are compared here (pass_attrs has `password`), or with auth_bind = yes by the
// directory: the user is found by pass_filter, or named by auth_bind_userdn, and bound with the password.
//
// Wrong password and unknown user take as long: where nobody is found, a hash of the usual kind is checked or a bind is made
// all the same.

import type { LookupResult } from '../../actors/auth/lookup.ts'
import type { Variables } from '../../conf/expand.ts'
import { ConfigError, messageOf } from '../../runtime/errors.ts'
import type { PassdbEntry, PassdbSource, Secret } from '../databases.ts'
import { passdb, takeSecret } from '../databases.ts'
import { ldapPath, openDirectory, sampleVariables } from '../ldap/directory.ts'
import type { Directory } from '../ldap/directory.ts'
import type { AttributeMap } from '../ldap/attributes.ts'
import { requireScheme } from '../password/verify.ts'

export default passdb('ldap', ldapPath, (path, world) => {
  const directory = openDirectory(path, world)
  const { auth_bind, default_pass_scheme } = directory.file.settings
  const attributes = directory.attributes('pass_attrs', auth_bind ? ['password', 'password_noscheme'] : [])
  directory.check('pass_filter', attributes, 'pass_attrs', sampleVariables({ password: '' }))
  try {
    requireScheme(default_pass_scheme)
  } catch (error) {
    throw new ConfigError(`${directory.file.where('default_pass_scheme')}: ${messageOf(error)}`)
  }
  const source = new LdapPassdb(directory, attributes)
  const remembered = directory.remembered('base', 'pass_filter', 'pass_attrs', 'auth_bind_userdn')
  return {
    notes: directory.file.notes,
    ...(remembered === undefined ? {} : { remembered }),
    lookup: (variables) => source.lookup(variables),
    ...(auth_bind ? { verify: (variables, password) => source.bind(variables, password) } : {}),
  } satisfies PassdbSource
}, { waits: true })

class LdapPassdb {
  readonly #directory: Directory
  readonly #attributes: AttributeMap
  /** Of the user found last. */
  #decoy: Secret | undefined

  constructor(directory: Directory, attributes: AttributeMap) {
    this.#directory = directory
    this.#attributes = attributes
  }

  async lookup(variables: Variables): Promise<PassdbEntry> {
    const entry = await this.#directory.find('pass_filter', this.#attributes, { password: '', ...variables })
    if (entry === undefined) return { status: 'unknown', ...(this.#decoy === undefined ? {} : { decoy: this.#decoy }) }
    const { fields, warning } = this.#attributes.fields(entry, { password: '', ...variables })
    const found = takeSecret(fields, this.#directory.file.settings.default_pass_scheme)
    this.#decoy = found.secret ?? this.#decoy
    return { status: 'ok', ...found, ...(warning === undefined ? {} : { warning }) }
  }

  async bind(given: Variables, password: string): Promise<LookupResult> {
    const variables = { ...given, password }
    const named = this.#directory.userDn(variables)
    if (named !== '') return this.#bound(await this.#directory.bind(named, password), {})
    const entry = await this.#directory.find('pass_filter', this.#attributes, variables)
    if (entry !== undefined) return this.#bound(await this.#directory.bind(entry.dn, password), this.#attributes.fields(entry, variables))
    await this.#directory.bindInVain(variables)
    return { status: 'unknown', fields: {} }
  }

  #bound(bound: boolean, found: { fields?: LookupResult['fields']; warning?: string }): LookupResult {
    return bound ? { status: 'ok', fields: {}, ...found } : { status: 'mismatch', fields: {}, reason: 'Password mismatch (for LDAP bind)' }
  }
}
