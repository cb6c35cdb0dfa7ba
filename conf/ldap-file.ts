// Dovecot's LDAP file (dovecot-ldap.conf.ext), as conf/database-file.ts reads such files.

import type { DatabaseFile, Kind } from './database-file.ts'
import { parseDatabaseFile } from './database-file.ts'
import { readText } from './files.ts'
import type { Values } from './setting.ts'
import { ldapSettings } from './settings/ldap.ts'

export type LdapSettings = Values<typeof ldapSettings>
export type LdapSettingName = keyof LdapSettings
export type LdapFile = DatabaseFile<typeof ldapSettings>

/** Reads and checks an LDAP file. Throws ConfigError, a line for each error. */
export const readLdapFile = (path: string): LdapFile => parseLdapFile(readText(path), path)

/** The same of its text. */
export const parseLdapFile = (source: string, path: string): LdapFile => parseDatabaseFile(source, path, kind)

/** What is right by itself, and cannot be together. */
const contradictions = ({ settings, given, where }: LdapFile): string[] => {
  const { hosts, uris, ldap_version, sasl_bind, sasl_mech, sasl_realm, dn, tls } = settings
  const errors: string[] = []
  if (hosts.length === 0 && uris.length === 0) errors.push(`${where('hosts')}: no server: set hosts or uris`)
  if (!given('base')) errors.push(`${where('base')}: base is not set`)
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

const kind: Kind<typeof ldapSettings> = { name: 'an LDAP file', table: ldapSettings, contradictions }
