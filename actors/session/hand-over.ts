// What a proxy or director in login_trusted_networks may say of the client behind it, whatever the protocol: IMAP says it
// with ID, LMTP (POP3, ManageSieve) with XCLIENT. From then on the session is that client's, in logs, settings, limits and
// look-ups. Who is not trusted says it in vain.
//
// Everything here is typed by another machine and ends in logs and look-ups: what is not well formed is not taken.

import { canonicalAddress } from '../../conf/network.ts'
import { limits } from '../../runtime/limits.ts'
import type { SessionSeed } from './seed.ts'

/** What has been said; what has not stays as it is. */
export interface HandOver {
  remoteIp?: string
  remotePort?: number
  localIp?: string
  localPort?: number
  session?: string
  /** Proxies the connection may still pass. 0: it goes round in circles, and must be refused. */
  ttl?: number
  /** Fields for the passdb, where they are called `forward_<name>`. */
  forward?: Record<string, string>
}

const port = (text: string): number | undefined => (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined)

/** Readers of the values: undefined for what cannot be taken. */
const readers: { [Name in Exclude<keyof HandOver, 'forward'>]-?: (text: string) => HandOver[Name] | undefined } = {
  remoteIp: canonicalAddress,
  remotePort: port,
  localIp: canonicalAddress,
  localPort: port,
  // It stands between < and > in log lines.
  session: (text) => (text.length <= limits.sessionIdBytes && /^[!-;=?-~]+$/.test(text) ? text : undefined),
  ttl: (text) => (/^[0-9]{1,9}$/.test(text) ? Number(text) : undefined),
}

export type Attribute = keyof typeof readers

/** Adds the value of an attribute to `said`. False: it is malformed, and nothing was added. */
export function take(said: HandOver, attribute: Attribute, value: string): boolean {
  const read = readers[attribute](value)
  if (read === undefined) return false
  Object.assign(said, { [attribute]: read })
  return true
}

/** Adds a field for the passdb. False: its name or value cannot be one, or there are too many. */
export function takeForward(said: HandOver, name: string, value: string): boolean {
  const good = name.length <= limits.forwardNameBytes && /^[A-Za-z0-9_.-]+$/.test(name)
    && value.length <= limits.forwardValueBytes && !/[\u0000-\u001f\u007f]/.test(value)
  if (!good || Object.keys(said.forward ?? {}).length >= limits.forwardFields) return false
  // `__proto__` is a name like others.
  said.forward = Object.fromEntries([...Object.entries(said.forward ?? {}), [name.toLowerCase(), value]])
  return true
}

const escapes: Record<string, string> = { '0': '\0', '1': '\u0001', t: '\t', r: '\r', n: '\n' }

/** Adds the fields of Dovecot's list `name=value TAB name=value`, in which \001 escapes. False: one of them cannot be taken. */
export function takeForwardList(said: HandOver, list: string): boolean {
  return list.split('\t').filter((field) => field !== '').every((field) => {
    const text = field.replace(/\u0001(.)/gs, (_, char: string) => escapes[char] ?? char)
    const equals = text.indexOf('=')
    return takeForward(said, equals < 0 ? text : text.slice(0, equals), equals < 0 ? '' : text.slice(equals + 1))
  })
}

/** The seed of the session as the client's that `said` tells of. */
export function handedOver(seed: SessionSeed, said: HandOver): SessionSeed {
  return {
    ...seed,
    ...(said.session === undefined ? {} : { id: said.session, ownId: seed.ownId ?? seed.id }),
    peer: seed.peer ?? seed.remote,
    remote: { ip: said.remoteIp ?? seed.remote.ip, port: said.remotePort ?? seed.remote.port },
    local: { ip: said.localIp ?? seed.local.ip, port: said.localPort ?? seed.local.port },
    ...(said.ttl === undefined ? {} : { proxyTtl: said.ttl }),
    ...(said.forward === undefined ? {} : { forward: { ...seed.forward, ...said.forward } }),
  }
}
