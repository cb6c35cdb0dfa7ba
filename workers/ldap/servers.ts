// The servers of a directory, as an LDAP file names them.

import type { LdapFile } from '../../conf/ldap-file.ts'
import { ConfigError } from '../../runtime/errors.ts'
import { Failover } from '../failover.ts'

export interface LdapServer {
  /** As in the file, for messages. */
  name: string
  /** TLS from the first byte (ldaps). */
  secure: boolean
  at: { host: string; port: number } | { path: string }
}

/** The servers that a file names. ConfigError. */
export function parseServers({ settings, where }: LdapFile): LdapServer[] {
  const { uris, hosts } = settings
  return uris.length > 0
    ? uris.map((uri) => parseUri(uri, where('uris')))
    : hosts.map((name) => ({ name, secure: false, at: parseAuthority(name, 389, where('hosts')) }))
}

function parseUri(uri: string, where: string): LdapServer {
  const [, scheme = '', authority = ''] = /^(ldap[si]?):\/\/([^/?]*)/i.exec(uri) ?? []
  switch (scheme.toLowerCase()) {
    case 'ldapi': {
      const path = decodeURIComponent(authority)
      if (!path.startsWith('/')) throw new ConfigError(`${where}: '${uri}' names no socket (ldapi://%2frun%2fldapi)`)
      return { name: uri, secure: false, at: { path } }
    }
    case 'ldaps': return { name: uri, secure: true, at: parseAuthority(authority, 636, where) }
    default: return { name: uri, secure: false, at: parseAuthority(authority, 389, where) }
  }
}

function parseAuthority(text: string, standardPort: number, where: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/i.exec(text) ?? []
  const host = bracketed ?? plain
  const port = digits === undefined ? standardPort : Number(digits)
  if (host === undefined || port < 1 || port > 65_535) throw new ConfigError(`${where}: '${text}' is not host or host:port (IPv6: [address]:port)`)
  return { host: host === '' ? 'localhost' : host, port }
}

/** The servers of a directory, and how they have fared. */
export class Servers extends Failover<LdapServer> {
  /** `now`: monotonic ms. */
  constructor(all: readonly LdapServer[], now?: () => number) { super('LDAP', all, now) }
}
