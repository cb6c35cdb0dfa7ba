// Where the configuration says that clients may connect: the inet_listener and unix_listener sections of the services
// whose protocols are enabled.

import net from 'node:net'
import type { ProtocolName } from '../actors/session/types.ts'
import type { Settings } from '../conf/settings.ts'
import { ConfigError, messageOf } from '../runtime/errors.ts'

/** One place to listen at. Structured-clonable. */
export type Listener =
  | { protocol: ProtocolName; kind: 'inet'; address: string; port: number }
  | { protocol: ProtocolName; kind: 'unix'; path: string; mode: number }

/** Protocols as `protocols =` names them, the service that listens for each, and whether Culver serves it. */
const services: { protocol: string; service: string; session: ProtocolName }[] = [
  { protocol: 'imap', service: 'imap-login', session: 'imap' },
  { protocol: 'lmtp', service: 'lmtp', session: 'lmtp' },
]

/** Sockets between Dovecot's own processes, which a login service has by default; threads need none. */
const internalSockets = new Set(['login/imap', 'login/pop3', 'imap-urlauth', 'token-login/imap-urlauth'])

/** `*` and `::` as the socket API says them; `localhost`-like names go through as they are. */
const socketAddress = (address: string): string => (address === '*' ? '0.0.0.0' : address.replace(/^\[(.*)\]$/, '$1'))

/** Every listener of the enabled protocols. ssl listeners are left out while `ssl = no`, as Dovecot does. */
export function listenersOf(settings: Settings): Listener[] {
  const found: Listener[] = []
  for (const { protocol, service, session } of services) {
    if (!settings.protocols.includes(protocol)) continue
    const section = settings.service[service]
    for (const inet of Object.values(section?.inet_listener ?? {})) {
      if (inet.port === 0 || inet.ssl) continue
      const addresses = inet.address.length > 0 ? inet.address : settings.listen
      for (const address of addresses) found.push({ protocol: session, kind: 'inet', address: socketAddress(address), port: inet.port })
    }
    for (const [name, unix] of Object.entries(section?.unix_listener ?? {})) {
      if (unix.mode === 0 || internalSockets.has(name)) continue
      const path = name.startsWith('/') ? name : `${settings.base_dir}/${name}`
      found.push({ protocol: session, kind: 'unix', path, mode: unix.mode })
    }
  }
  return found
}

/** How people write it: `127.0.0.1:143`, `[::1]:143`, `/run/lmtp`. */
export const listenerName = (listener: Listener): string =>
  listener.kind === 'unix' ? listener.path : listener.address.includes(':') ? `[${listener.address}]:${listener.port}` : `${listener.address}:${listener.port}`

/**
 * Makes sure that nobody else has a port, by binding it alone for a moment: the workers' SO_REUSEPORT would otherwise
 * happily share it with another Culver. ConfigError with one clear line if it cannot be had.
 */
export function probe(listener: Listener): Promise<void> {
  if (listener.kind === 'unix') return Promise.resolve()
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use by another program'
        : error.code === 'EACCES' ? 'not permitted (ports below 1024 need root)' : messageOf(error)
      reject(new ConfigError(`cannot listen for ${listener.protocol} on ${listenerName(listener)}: ${why}`))
    })
    server.listen({ host: listener.address, port: listener.port, exclusive: true, ipv6Only: true }, () => server.close(() => resolve()))
  })
}
