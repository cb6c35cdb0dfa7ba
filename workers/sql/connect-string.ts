// `connect` of an SQL file: libpq's `name=value` pairs, values in single quotes where they have blanks. Dovecot's way to say several
// servers is several `host=`; libpq's, a list with commas, is understood as well.

import fs from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { nearest } from '../../conf/nearest.ts'
import { ConfigError, messageOf } from '../../runtime/errors.ts'

/** One server. `name`: for messages. `tls`: undefined is none. */
export interface SqlServer { name: string; host: string; port: number }

export interface ConnectOptions {
  servers: SqlServer[]
  user: string | undefined
  password: string | undefined
  database: string | undefined
  /** `prefer`: where the server has none, without. */
  tls: { demand: 'never' | 'prefer' | 'always'; options: ConnectionOptions }
  connectMs: number | undefined
  options: string | undefined
}

const names = ['host', 'hostaddr', 'port', 'dbname', 'user', 'password', 'connect_timeout', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey',
  'application_name', 'options', 'client_encoding', 'maxconns', 'fallback_application_name', 'keepalives', 'target_session_attrs']

const pairForm = /\s*([a-z_]+)\s*=\s*(?:'((?:\\.|[^'\\])*)'|((?:\\.|[^\s'\\])*))(?=\s|$)/y

function pairs(text: string): [name: string, value: string][] {
  const found: [string, string][] = []
  for (pairForm.lastIndex = 0; text.slice(pairForm.lastIndex).trim() !== '';) {
    const at = pairForm.lastIndex
    const [, name, quoted, plain = ''] = pairForm.exec(text) ?? []
    if (name === undefined) throw new ConfigError(`not name=value: '${text.slice(at).trim().replace(/(password\s*=).*/, '$1…')}'`)
    if (!names.includes(name)) {
      const meant = nearest(name, names)
      throw new ConfigError(`unknown parameter '${name}'${meant === undefined ? '' : `; did you mean '${meant}'?`}`)
    }
    found.push([name, (quoted ?? plain).replace(/\\(.)/g, '$1')])
  }
  return found
}

/** Reads `connect`. ConfigError: bad syntax, an unknown parameter, a file that cannot be read. */
export function parseConnect(text: string): ConnectOptions {
  const given = pairs(text)
  const all = (name: string): string[] => given.filter(([key]) => key === name).flatMap(([, value]) => value.split(','))
  const last = (name: string): string | undefined => given.findLast(([key]) => key === name)?.[1]
  const hosts = all('hostaddr').length > 0 ? all('hostaddr') : all('host')
  const ports = all('port').map((port) => {
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) throw new ConfigError(`'${port}' is not a port`)
    return Number(port)
  })
  const seconds = last('connect_timeout')
  if (seconds !== undefined && !/^\d{1,6}$/.test(seconds)) throw new ConfigError(`connect_timeout: '${seconds}' is not a number of seconds`)
  const servers = (hosts.length > 0 ? hosts : ['/var/run/postgresql']).map((host, index) => {
    const port = ports[index] ?? ports.at(-1) ?? 5432
    return { name: host.startsWith('/') ? host : `${host}:${port}`, host, port }
  })
  return {
    servers, user: last('user'), password: last('password'), database: last('dbname'), options: last('options'),
    tls: tlsOf(last('sslmode') ?? 'prefer', { ca: last('sslrootcert'), cert: last('sslcert'), key: last('sslkey') }),
    connectMs: seconds === undefined || seconds === '0' ? undefined : Number(seconds) * 1000,
  }
}

/** As libpq has it: without verify-ca or verify-full nothing is said of who the server is. */
function tlsOf(mode: string, files: Record<'ca' | 'cert' | 'key', string | undefined>): ConnectOptions['tls'] {
  const read: ConnectionOptions = {}
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue
    try {
      Object.assign(read, { [name]: fs.readFileSync(file, 'utf8') })
    } catch (error) {
      throw new ConfigError(`ssl${name === 'ca' ? 'rootcert' : name}: ${messageOf(error)}`)
    }
  }
  switch (mode) {
    case 'disable': case 'allow': return { demand: 'never', options: {} }
    case 'prefer': return { demand: 'prefer', options: { ...read, rejectUnauthorized: false } }
    case 'require': return { demand: 'always', options: { ...read, rejectUnauthorized: read.ca !== undefined, checkServerIdentity: () => undefined } }
    case 'verify-ca': return { demand: 'always', options: { ...read, rejectUnauthorized: true, checkServerIdentity: () => undefined } }
    case 'verify-full': return { demand: 'always', options: { ...read, rejectUnauthorized: true } }
    default: throw new ConfigError(`sslmode: unknown value '${mode}' (known: disable, allow, prefer, require, verify-ca, verify-full)`)
  }
}
