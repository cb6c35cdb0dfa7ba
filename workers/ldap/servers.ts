// The servers of a directory, in the order in which they are tried. One that failed is passed over for a while, each time
// twice as long, so that a server which is away costs neither every look-up a time-out nor its network a storm.

import type { LdapFile } from '../../conf/ldap-file.ts'
import { ConfigError, TempFail } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'

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

interface Failure { count: number; until: number; reason: string }

export class Servers {
  readonly all: readonly LdapServer[]
  readonly #now: () => number
  readonly #failures = new Map<LdapServer, Failure>()

  /** `now`: monotonic ms. */
  constructor(all: readonly LdapServer[], now: () => number = () => performance.now()) {
    this.all = all
    this.#now = now
  }

  /** The first server that is worth a try, and none of `tried`. TempFail: all have failed just now. */
  next(tried: ReadonlySet<LdapServer> = new Set()): LdapServer {
    const server = this.all.find((server) => !tried.has(server) && (this.#failures.get(server)?.until ?? 0) <= this.#now())
    if (server !== undefined) return server
    const reasons = this.all.map((server) => `${server.name}: ${this.#failures.get(server)?.reason}`)
    throw new TempFail(`no LDAP server answers (${reasons.join('; ')})`)
  }

  failed(server: LdapServer, reason: string): void {
    const count = (this.#failures.get(server)?.count ?? 0) + 1
    const wait = Math.min(limits.ldapRetryMs * 2 ** (count - 1), limits.ldapRetryMaxMs)
    this.#failures.set(server, { count, until: this.#now() + wait, reason })
  }

  answered(server: LdapServer): void { this.#failures.delete(server) }
}
