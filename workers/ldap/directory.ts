// The directory of one LDAP file, as one auth thread sees it: who is somebody, is this their password, who is there.
//
// Two connections, each opened when it is first needed: one bound as `dn`, for searches; one for binds with users' passwords,
// so that the first never is anybody else. passdb and userdb of the same file share them.

import type { Variables } from '../../conf/expand.ts'
import { expand, namesIn } from '../../conf/expand.ts'
import { loginVariables } from '../../actors/auth/variables.ts'
import { newLogin } from '../../actors/auth/login.ts'
import type { LdapFile, LdapSettingName } from '../../conf/ldap-file.ts'
import { readLdapFile } from '../../conf/ldap-file.ts'
import { ConfigError, TempFail, messageOf } from '../../runtime/errors.ts'
import type { DatabaseWorld } from '../databases.ts'
import { AttributeMap } from './attributes.ts'
import type { LdapEntry } from './attributes.ts'
import { resultCodes } from './connection.ts'
import type { Answer, Connection, Search } from './connection.ts'
import { escapeDnValue } from './dn.ts'
import { escapeFilterValue, parseFilter } from './filter.ts'
import { Link, linkTimes } from './link.ts'
import type { LinkTimes } from './link.ts'
import { Servers, parseServers } from './servers.ts'
import { tlsOf } from './socket.ts'

const scopes = { base: 'base', onelevel: 'one', subtree: 'sub' } as const
const derefs = { never: 'never', searching: 'search', finding: 'find', always: 'always' } as const

/** Answers to a bind that say no to this user; all others say that the directory cannot tell now. */
const refusals: readonly number[] = [
  resultCodes.invalidCredentials, resultCodes.inappropriateAuthentication, resultCodes.noSuchObject, resultCodes.invalidDnSyntax,
  resultCodes.constraintViolation,
]

type FilterName = 'pass_filter' | 'user_filter' | 'iterate_filter'
type AttributesName = 'pass_attrs' | 'user_attrs' | 'iterate_attrs'

export class Directory {
  readonly file: LdapFile
  readonly #searches: Link
  readonly #binds: Link

  /** ConfigError: something in the file cannot be used. Connects to nothing yet. */
  constructor(file: LdapFile, times: LinkTimes = linkTimes) {
    this.file = file
    const servers = new Servers(parseServers(file))
    const tls = tlsOf(file)
    this.#searches = new Link(servers, tls, times, (connection, ms) => this.#bindAsSelf(connection, ms))
    this.#binds = new Link(servers, tls, times)
  }

  /** The attributes of a setting, without what only the fields in `except` need. ConfigError, with its place. */
  attributes(name: AttributesName, except?: readonly string[]): AttributeMap {
    return this.#at(name, () => new AttributeMap(this.file.settings[name], except))
  }

  /** The %variables of settings, for the ones by which answers are remembered; undefined: the password is one of them. */
  remembered(...settings: (FilterName | AttributesName | 'base' | 'auth_bind_userdn')[]): readonly string[] | undefined {
    const names = new Set(settings.flatMap((name) => namesIn(this.file.settings[name])))
    return names.has('password') ? undefined : [...names]
  }

  /** Tries out what will be expanded for each user. ConfigError, with its place. */
  check(filter: FilterName, attributes: AttributeMap, attributesName: AttributesName, variables: Variables): void {
    this.#at(filter, () => this.#filter(filter, variables))
    this.#at('base', () => this.#base(variables))
    this.#at('auth_bind_userdn', () => this.userDn(variables))
    this.#at(attributesName, () => attributes.check(variables))
  }

  /** The one entry that a filter finds. TempFail: the directory cannot tell, or finds several. ConfigError: an unknown variable. */
  async find(filter: FilterName, attributes: AttributeMap, variables: Variables): Promise<LdapEntry | undefined> {
    const search = this.#search(filter, attributes, variables)
    const { code, text, entries: [entry, another] } = await this.#searches.run((connection, ms) => connection.search(search, 2, ms))
    // A base with %d in it is missing where the domain is not ours; any other base is there, or wrongly configured.
    if (code === resultCodes.noSuchObject && search.base !== this.file.settings.base) return undefined
    if (code !== resultCodes.success) throw new TempFail(`searching ${search.base} failed: ${text}`)
    if (another !== undefined) throw new TempFail(`${filter} matched multiple objects, aborting`)
    return entry
  }

  /** Whether `dn` may bind with `password`. TempFail: the directory cannot tell. */
  async bind(dn: string, password: string): Promise<boolean> {
    // A server takes a name without password, or no name at all, as nobody: and says yes (RFC 4513 §5.1).
    if (password === '' || password.includes('\0') || dn === '') return false
    const answer = await this.#binds.run((connection, ms) => connection.bind(dn, password, ms))
    if (refusals.includes(answer.code)) return false
    if (answer.code !== resultCodes.success) throw new TempFail(`binding failed (dn ${dn}): ${answer.text}`)
    return true
  }

  /** Takes as long as `bind`, for a user who is unknown. TempFail as there. */
  async bindInVain(variables: Variables): Promise<void> {
    await this.#binds.run((connection, ms) => connection.bind(`cn=culver-unknown-user,${this.#base(variables)}`, 'culver', ms))
  }

  /** auth_bind_userdn; empty: not set. */
  userDn(variables: Variables): string { return expand(this.file.settings.auth_bind_userdn, variables, escapeDnValue) }

  /** The names of all users. TempFail. */
  async *users(attributes: AttributeMap): AsyncGenerator<string> {
    const search = this.#search('iterate_filter', attributes, anybody)
    const connection = await this.#searches.open()
    try {
      for await (const { code, text, entries } of connection.pages(search, linkTimes.answerMs)) {
        if (code !== resultCodes.success) throw new TempFail(`listing ${search.base} failed: ${text}`)
        for (const entry of entries) yield* attributes.valuesOf('user', entry)
      }
    } finally {
      connection.close()
    }
  }

  #search(filter: FilterName, { attributes }: AttributeMap, variables: Variables): Search {
    const { scope, deref } = this.file.settings
    return { base: this.#base(variables), scope: scopes[scope], deref: derefs[deref], filter: this.#filter(filter, variables), attributes }
  }

  #base(variables: Variables): string { return expand(this.file.settings.base, variables, escapeDnValue) }

  #filter(name: FilterName, variables: Variables): Search['filter'] {
    return parseFilter(expand(this.file.settings[name], variables, escapeFilterValue))
  }

  async #bindAsSelf(connection: Connection, ms: number): Promise<void> {
    const { dn, dnpass, sasl_bind, sasl_mech, sasl_authz_id } = this.file.settings
    const ask = (): Promise<Answer> => {
      if (!sasl_bind) return connection.bind(dn, dnpass, ms)
      return connection.bindSasl(sasl_mech, sasl_mech === 'PLAIN' ? `${sasl_authz_id}\0${dn}\0${dnpass}` : sasl_authz_id, ms)
    }
    const answer = await ask()
    if (answer.code !== resultCodes.success) throw new TempFail(`binding failed (dn ${dn}): ${answer.text}`)
  }

  /** Adds the setting's place to an error. */
  #at<Value>(name: LdapSettingName, get: () => Value): Value {
    try {
      return get()
    } catch (error) {
      throw new ConfigError(`${this.file.where(name)}: ${name}: ${messageOf(error)}`)
    }
  }
}

/** Has every variable that a look-up has. */
const anybody: Variables = loginVariables(newLogin({ kind: 'lookup', service: 'imap', username: 'user@example.com', session: '' }, 'user@example.com'))

const opened = new WeakMap<DatabaseWorld, Map<string, Directory>>()

/** The directory of the file `path`, one for all databases of a thread. ConfigError. */
export function openDirectory(path: string, world: DatabaseWorld): Directory {
  const known = opened.get(world) ?? new Map<string, Directory>()
  opened.set(world, known)
  const directory = known.get(path) ?? new Directory(readLdapFile(path))
  known.set(path, directory)
  return directory
}

/** What a passdb or userdb is tried out with before anybody logs in. `more`: variables that it has beside the usual ones. */
export const sampleVariables = (more: Variables = {}): Variables => ({ ...anybody, ...more })

/** `args` of an LDAP database. ConfigError. */
export function ldapPath(args: string): string {
  const path = args.trim()
  if (path === '') throw new ConfigError('ldap: args must name the LDAP file')
  return path
}
