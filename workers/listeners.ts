// Where the configuration says that clients may connect: the inet_listener and unix_listener sections of the services
// whose protocols are enabled.

import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import type { ProtocolName } from '../actors/session/seed.ts'
import type { Settings } from '../conf/settings.ts'
import { ConfigError, messageOf } from '../runtime/errors.ts'

/** One place to listen at. Structured-clonable. */
export type Listener =
  | { protocol: ProtocolName; kind: 'inet'; address: string; port: number; /** TLS from the first byte (behind a PROXY header). */ ssl?: true; /** Connections begin with a PROXY header. */ haproxy?: true }
  | { protocol: ProtocolName; kind: 'unix'; path: string; mode: number }

/** Protocols as `protocols =` names them and the service that listens for each. Without one: always there, and on UNIX sockets only. */
const services: { protocol?: string; service: string; session: ProtocolName }[] = [
  { protocol: 'imap', service: 'imap-login', session: 'imap' },
  { protocol: 'lmtp', service: 'lmtp', session: 'lmtp' },
  { service: 'doveadm', session: 'admin' },
]

/** Sockets between Dovecot's own processes, which a login service has by default; threads need none. */
const internalSockets = new Set(['login/imap', 'login/pop3', 'imap-urlauth', 'token-login/imap-urlauth'])

/** `*` and `::` as the socket API says them; `localhost`-like names go through as they are. */
const socketAddress = (address: string): string => (address === '*' ? '0.0.0.0' : address.replace(/^\[(.*)\]$/, '$1'))

/**
 * Every listener of the enabled protocols. ssl listeners are left out while `ssl = no`, as Dovecot does, or there is no
 * certificate (`tls`: some connection may have TLS). ConfigError: two are at the same place (the workers' SO_REUSEPORT would let them, and spread the clients over both).
 */
export function listenersOf(settings: Settings, tls = false): Listener[] {
  const found: Listener[] = []
  for (const { protocol, service, session } of services) {
    if (protocol !== undefined && !settings.protocols.includes(protocol)) continue
    const section = settings.service[service]
    for (const inet of protocol === undefined ? [] : Object.values(section?.inet_listener ?? {})) {
      if (inet.port === 0 || (inet.ssl && !tls)) continue
      const addresses = inet.address.length > 0 ? inet.address : settings.listen
      for (const address of addresses) {
        found.push({ protocol: session, kind: 'inet', address: socketAddress(address), port: inet.port, ...(inet.ssl ? { ssl: true } : {}), ...(inet.haproxy ? { haproxy: true } : {}) })
      }
    }
    for (const [name, unix] of Object.entries(section?.unix_listener ?? {})) {
      if (unix.mode === 0 || internalSockets.has(name)) continue
      const path = name.startsWith('/') ? name : `${settings.base_dir}/${name}`
      found.push({ protocol: session, kind: 'unix', path, mode: unix.mode })
    }
  }
  const taken = new Map<string, Listener>()
  for (const listener of found) {
    const other = taken.get(listenerName(listener))
    if (other !== undefined) throw new ConfigError(`${other.protocol} and ${listener.protocol} both listen on ${listenerName(listener)}`)
    taken.set(listenerName(listener), listener)
  }
  return found
}

/** How people write it: `127.0.0.1:143`, `[::1]:143`, `/run/lmtp`. */
export const listenerName = (listener: Listener): string =>
  listener.kind === 'unix' ? listener.path : listener.address.includes(':') ? `[${listener.address}]:${listener.port}` : `${listener.address}:${listener.port}`

/**
 * Makes sure that a listener can be had, so that starting says in one clear line what is wrong: ConfigError. False: it is
 * for all IPv6 addresses, of which this machine has none.
 */
export async function probe(listener: Listener): Promise<boolean> {
  try {
    await (listener.kind === 'inet' ? probePort(listener) : probeSocket(listener.path))
    return true
  } catch (error) {
    if (listener.kind === 'inet' && listener.address === '::' && isWithoutIpv6(error)) return false
    throw new ConfigError(`cannot listen for ${listener.protocol} on ${listenerName(listener)}: ${reasonOf(error)}`)
  }
}

/** Binds the port alone for a moment: the workers' SO_REUSEPORT would happily share it with another Culver. */
function probePort({ address, port }: Listener & { kind: 'inet' }): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen({ host: address, port, exclusive: true, ipv6Only: true }, () => server.close(() => resolve()))
  })
}

/** Of a UNIX socket (bytes of sockaddr_un on Linux). */
const longestPath = 107

/** A socket file that nobody answers at was left by a server that was killed, and may be replaced; no other file may. */
async function probeSocket(file: string): Promise<void> {
  if (Buffer.byteLength(file) > longestPath) throw new Error(`the path of a socket has at most ${longestPath} bytes`)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.accessSync(path.dirname(file), fs.constants.W_OK)
  const found = fs.lstatSync(file, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new Error('there is a file that is no socket')
  if (await answers(file)) throw new Error('another program listens there')
}

function answers(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(file)
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => resolve(false))
  })
}

function isWithoutIpv6(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') return 'the port is in use by another program'
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have that address'
  if (code === 'EACCES' && (error as NodeJS.ErrnoException).syscall === 'listen') return 'not permitted (ports below 1024 need root)'
  return messageOf(error)
}
