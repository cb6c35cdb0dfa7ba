// The URL of an HTTP store as dovecot.conf has it: `https://KEY:SECRET@HOST[:PORT]/PATH/?name=value&…` with the parameters
// common to all HTTP stores. Times are milliseconds in the `_msecs` spelling, and numbers with a unit in the newer one.

import { ConfigError } from '../../runtime/errors.ts'

/** What a request does: each may have its own time-out and number of retries. */
export type HttpKind = 'read' | 'write' | 'delete'

/** What addhdrvar can name; each differs from request to request. */
export type HeaderVariable = 'auth:token' | 'user' | 'session' | 'reason'

export interface HttpParameters {
  protocol: 'http:' | 'https:'
  hostname: string
  port: number | undefined
  /** Begins and ends with '/'; decoded. */
  path: string
  username: string
  password: string
  /** Waiting for the store to go on, whatever it is doing (ms). */
  timeoutMs: Record<HttpKind, number>
  connectTimeoutMs: number
  /** The whole request with its retries; Infinity: none. */
  absoluteTimeoutMs: number
  maxRetries: Record<HttpKind, number>
  maxConnectRetries: number
  /** A request that takes longer is warned about. */
  slowWarnMs: number
  /** Headers added to every request. */
  headers: [string, string][]
  /** Headers whose value is made for each request (addhdrvar). */
  headerVariables: [string, HeaderVariable][]
  /** Headers of answers that are told in warnings and errors (loghdr), lower-case. */
  loggedHeaders: string[]
  /** Whether X-Dovecot-Username, -Session-Id and -Reason are sent. */
  trace: boolean
  /** Longest X-Dovecot-Reason; 0: it is not sent. */
  reasonLength: number
  /** Keys of one bulk delete; 0: one by one. */
  bulkDeleteLimit: number
  /** Copies of one bulk request, where a store has such a thing. */
  bulkLinkLimit: number
  /** The parameters that are one driver's own. */
  own: Map<string, string>
}

const units: Record<string, number> = { ms: 1, msec: 1, msecs: 1, s: 1000, sec: 1000, secs: 1000, m: 60_000, min: 60_000, mins: 60_000, h: 3_600_000 }

const time = (name: string, value: string): number => {
  const match = /^(\d{1,9}) *([a-z]*)$/.exec(value)
  const unit = match?.[2] === '' ? (name.endsWith('_msecs') ? 1 : undefined) : units[match?.[2] ?? '']
  if (!match || unit === undefined) throw new ConfigError(`${name}=${value} is no time (write for example ${name}=${name.endsWith('_msecs') ? '10000' : '10s'})`)
  return Number(match[1]) * unit
}

const count = (name: string, value: string): number => {
  if (!/^\d{1,9}$/.test(value)) throw new ConfigError(`${name}=${value} is no number`)
  return Number(value)
}

const kinds: HttpKind[] = ['read', 'write', 'delete']
const header = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+): *([\x20-\x7e]*)$/

/** `%{auth:token}`, `%{user}` …, also without the signs around it; Dovecot's short `%u`. */
const variableOf = (value: string): HeaderVariable | undefined => {
  const name = /^%\{(.*)\}$/.exec(value)?.[1] ?? value
  const short: Record<string, HeaderVariable> = { '%u': 'user', 'auth:token': 'auth:token', user: 'user', session: 'session', reason: 'reason' }
  return Object.hasOwn(short, name) ? short[name] : undefined
}

type Take = (parameters: HttpParameters, value: string, name: string) => void

const takes: Record<string, Take> = {
  ...Object.fromEntries(kinds.flatMap((kind): [string, Take][] => [
    [`${kind}_timeout`, (p, v, n) => { p.timeoutMs[kind] = time(n, v) }],
    [`${kind}_timeout_msecs`, (p, v, n) => { p.timeoutMs[kind] = time(n, v) }],
    [`${kind}_max_retries`, (p, v, n) => { p.maxRetries[kind] = count(n, v) }],
  ])),
  timeout: (p, v, n) => { for (const kind of kinds) p.timeoutMs[kind] = time(n, v) },
  timeout_msecs: (p, v, n) => { for (const kind of kinds) p.timeoutMs[kind] = time(n, v) },
  connect_timeout: (p, v, n) => { p.connectTimeoutMs = time(n, v) },
  connect_timeout_msecs: (p, v, n) => { p.connectTimeoutMs = time(n, v) },
  absolute_timeout: (p, v, n) => { p.absoluteTimeoutMs = time(n, v) },
  absolute_timeout_msecs: (p, v, n) => { p.absoluteTimeoutMs = time(n, v) },
  slow_warn: (p, v, n) => { p.slowWarnMs = time(n, v) },
  slow_warn_msecs: (p, v, n) => { p.slowWarnMs = time(n, v) },
  max_retries: (p, v, n) => { for (const kind of kinds) p.maxRetries[kind] = count(n, v) },
  max_connect_retries: (p, v, n) => { p.maxConnectRetries = count(n, v) },
  reason_header_max_length: (p, v, n) => { p.reasonLength = count(n, v) },
  bulk_delete_limit: (p, v, n) => { p.bulkDeleteLimit = count(n, v) },
  bulk_link_limit: (p, v, n) => { p.bulkLinkLimit = count(n, v) },
  bulk_link: (p, v) => { if (v === '0') p.bulkLinkLimit = 0 },
  bulk_delete: (p, v) => { if (v === '0') p.bulkDeleteLimit = 0 },
  no_trace_headers: (p, v) => { p.trace = v === '0' },
  addhdr: (p, v) => {
    const match = header.exec(v)
    if (!match) throw new ConfigError(`addhdr=${v} is no header (NAME:VALUE)`)
    p.headers.push([match[1]!.toLowerCase(), match[2]!])
  },
  addhdrvar: (p, v) => {
    const match = header.exec(v)
    const variable = match && variableOf(match[2]!)
    if (!match || !variable) throw new ConfigError(`addhdrvar=${v}: it is NAME:VARIABLE, the variables are %{auth:token}, %{user}, %{session}, %{reason} (in dovecot.conf with %% for %)`)
    p.headerVariables.push([match[1]!.toLowerCase(), variable])
  },
  loghdr: (p, v) => { p.loggedHeaders.push(v.toLowerCase()) },
}

const decode = (text: string, what: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ConfigError(`the ${what} of the storage URL has a % that is not followed by two hex digits of UTF-8 (write it as %25, in dovecot.conf as %%25)`)
  }
}

/** Takes the URL apart. `own` names the driver's own parameters; ConfigError (without any secret) for what is neither. */
export const parseHttpUrl = (text: string, own: string[]): HttpParameters => {
  const match = /^\s*(https?):\/\/(?:([^@?]*)@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?(\/[^?]*)?(?:\?(.*))?$/.exec(text)
  if (!match) throw new ConfigError('the storage URL must look like https://KEY:SECRET@HOST[:PORT]/[?name=value&…]')
  const [, scheme, userinfo, hostname = '', port, path = '/', query = ''] = match
  const [username = '', ...password] = (userinfo ?? '').split(':')
  if (userinfo !== undefined && password.length !== 1) throw new ConfigError('KEY:SECRET of the storage URL needs exactly one colon (write one within the secret as %3A)')
  const parameters: HttpParameters = {
    protocol: scheme === 'http' ? 'http:' : 'https:',
    hostname: hostname.replaceAll(/[[\]]/g, ''),
    port: port === undefined ? undefined : Number(port),
    path: decode(path.endsWith('/') ? path : `${path}/`, 'path'),
    username: decode(username, 'key'),
    password: decode(password[0] ?? '', 'secret'),
    timeoutMs: { read: 10_000, write: 10_000, delete: 10_000 }, connectTimeoutMs: 5_000, absoluteTimeoutMs: Infinity,
    maxRetries: { read: 4, write: 4, delete: 4 }, maxConnectRetries: 2, slowWarnMs: 5_000,
    headers: [], headerVariables: [], loggedHeaders: [], trace: true, reasonLength: 200, bulkDeleteLimit: 1000, bulkLinkLimit: 1000, own: new Map(),
  }
  // The general ones first, wherever they stand: read_timeout wins over timeout.
  const pairs = query.split('&').filter((part) => part !== '')
  const particular = (pair: string): boolean => /^(?:read|write|delete)_/.test(pair)
  for (const pair of [...pairs.filter((one) => !particular(one)), ...pairs.filter(particular)]) {
    const equals = pair.indexOf('=')
    const name = equals < 0 ? pair : pair.slice(0, equals)
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1), `parameter ${name}`)
    if (own.includes(name)) parameters.own.set(name, value)
    else if (Object.hasOwn(takes, name)) takes[name]!(parameters, value, name)
    else throw new ConfigError(`${name}= is no parameter of a storage URL (known: ${[...Object.keys(takes), ...own].sort().join(', ')})`)
  }
  return parameters
}
