// Dovecot's LDAP file (dovecot-ldap.conf.ext): the line grammar of the main configuration, without sections, includes and
// `$name`. Errors name file and line, and the nearest setting; all of them are told at once.

import { ConfigError, messageOf } from '../runtime/errors.ts'
import { readText } from './files.ts'
import { convert } from './format.ts'
import { nearest } from './nearest.ts'
import type { Setting, Values } from './setting.ts'
import { defaultsOf } from './setting.ts'
import { ldapSettings } from './settings/ldap.ts'
import type { Statement } from './syntax.ts'
import { parse } from './syntax.ts'

export type LdapSettings = Values<typeof ldapSettings>
export type LdapSettingName = keyof LdapSettings

export interface LdapFile {
  path: string
  settings: LdapSettings
  /** `file:line` of a setting, or the file alone where it has its default. */
  where(name: LdapSettingName): string
  /** Lines for the log at start: doubtful lines, settings that Culver does not act on. */
  notes: string[]
}

/** Reads and checks an LDAP file. Throws ConfigError, a line for each error. */
export const readLdapFile = (path: string): LdapFile => parseLdapFile(readText(path), path)

/** The same of its text. */
export const parseLdapFile = (source: string, path: string): LdapFile => {
  const { statements, warnings } = parse(source, path)
  const lines = new Map<string, number>()
  const settings = defaultsOf(ldapSettings)
  const errors = statements.flatMap((statement) => {
    const reason = take(statement, settings)
    if (statement.kind === 'set') lines.set(statement.key, statement.line)
    return reason === undefined ? [] : [`${path}:${statement.line}: ${reason}`]
  })
  const where = (name: LdapSettingName): string => (lines.has(name) ? `${path}:${lines.get(name)}` : path)
  if (errors.length === 0) errors.push(...contradictions(settings, lines, where))
  if (errors.length > 0) throw new ConfigError(errors.join('\n'))
  const idle = Object.entries<Setting<unknown>>(ldapSettings)
    .filter(([name, row]) => !row.acts && settings[name as LdapSettingName] !== row.default)
    .map(([name]) => `${where(name as LdapSettingName)}: ${name} has no effect`)
  return { path, settings, where, notes: [...warnings, ...idle] }
}

/** Puts one statement into `settings`; why it cannot, otherwise. */
const take = (statement: Statement, settings: LdapSettings): string | undefined => {
  if (statement.kind === 'open' || statement.kind === 'close') return 'an LDAP file has no sections'
  if (statement.kind === 'include') return 'an LDAP file cannot include others'
  const { key, value } = statement
  if (!Object.hasOwn(ldapSettings, key)) {
    const meant = nearest(key, Object.keys(ldapSettings))
    return `unknown setting '${key}'${meant === undefined ? '' : `; did you mean '${meant}'?`}`
  }
  try {
    Object.assign(settings, { [key]: convert(ldapSettings[key as LdapSettingName], value) })
    return undefined
  } catch (error) {
    return `${key}: ${messageOf(error)}`
  }
}

/** What is right by itself, and cannot be together. */
const contradictions = (settings: LdapSettings, lines: ReadonlyMap<string, number>, where: (name: LdapSettingName) => string): string[] => {
  const { hosts, uris, ldap_version, sasl_bind, sasl_mech, sasl_realm, dn, tls } = settings
  const errors: string[] = []
  if (hosts.length === 0 && uris.length === 0) errors.push(`${where('hosts')}: no server: set hosts or uris`)
  if (!lines.has('base')) errors.push(`${where('base')}: base is not set`)
  if (ldap_version !== 3) errors.push(`${where('ldap_version')}: ldap_version = ${ldap_version}: only version 3 is spoken`)
  if (sasl_bind && sasl_mech === '') errors.push(`${where('sasl_bind')}: sasl_bind needs sasl_mech = PLAIN or EXTERNAL`)
  if (sasl_bind && sasl_realm !== '') errors.push(`${where('sasl_realm')}: SASL ${sasl_mech} has no realm`)
  if (sasl_bind && sasl_mech === 'PLAIN' && dn === '') errors.push(`${where('sasl_bind')}: SASL PLAIN needs dn and dnpass`)
  for (const uri of uris) {
    if (!/^ldap[si]?:\/\//i.test(uri)) errors.push(`${where('uris')}: '${uri}' is not an LDAP URI (ldap://host:port, ldaps://host:port, ldapi://%2fsocket)`)
    else if (tls && /^ldaps:/i.test(uri)) errors.push(`${where('tls')}: tls = yes is StartTLS, and '${uri}' has TLS already`)
  }
  return errors
}
