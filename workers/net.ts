// A session worker's own listeners and the sockets they accept. Every worker listens on every port (SO_REUSEPORT) and the
// kernel spreads the connections; where that cannot be (UNIX sockets), the first worker listens for all.

import fs from 'node:fs'
import net from 'node:net'
import type { SessionSeed } from '../actors/session/seed.ts'
import { inNetworks } from '../conf/network.ts'
import type { Config } from '../conf/load.ts'
import { settingsFor } from '../conf/load.ts'
import type { Clock, Timers } from '../runtime/effects.ts'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import type { LogEvent } from '../runtime/events.ts'
import type { Listener } from './listeners.ts'
import { listenerName } from './listeners.ts'
import { readProxyHeader } from './proxy-header.ts'
import type { Proxied } from './proxy-header.ts'
import { sessionId } from './session-id.ts'
import { SocketWire } from './socket-wire.ts'
import { underTls } from './tls/handshakes.ts'
import type { Handshakes } from './tls/handshakes.ts'

export interface Acceptor { accept(seed: SessionSeed, wire: SocketWire): void }

interface World { clock: Clock; timers: Timers; emit(event: LogEvent): void }

/** Unaccepted connections the kernel keeps; Linux cuts it to net.core.somaxconn. */
const backlog = 4096

export class Listeners {
  readonly #world: World
  readonly #config: () => Config
  readonly #acceptor: Acceptor
  readonly #handshakes: Handshakes
  readonly #servers: net.Server[] = []

  /** `config`: in force when a connection comes. */
  constructor(world: World, config: () => Config, acceptor: Acceptor, handshakes: Handshakes) {
    this.#world = world
    this.#config = config
    this.#acceptor = acceptor
    this.#handshakes = handshakes
  }

  /** Listens everywhere. `first`: this worker also takes the UNIX sockets. */
  async listen(listeners: Listener[], first: boolean): Promise<void> {
    for (const listener of listeners) {
      if (listener.kind === 'inet') await this.#listen(listener, { host: listener.address, port: listener.port, reusePort: true, ipv6Only: true, backlog })
      else if (first) await this.#listenUnix(listener)
    }
  }

  /** Accepts no more; open connections stay. Settles when the last of them has been closed. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => new Promise((resolve) => { server.close(resolve) })))
  }

  async #listenUnix(listener: Listener & { kind: 'unix' }): Promise<void> {
    fs.rmSync(listener.path, { force: true }) // left by a server or worker that was killed: see probe
    await this.#listen(listener, { path: listener.path, backlog })
    fs.chmodSync(listener.path, listener.mode)
  }

  #listen(listener: Listener, options: net.ListenOptions): Promise<void> {
    const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(listener, socket))
    this.#servers.push(server)
    return new Promise((resolve, reject) => {
      // Later ones (no descriptor for another connection) concern the client that was not accepted.
      server.on('error', (error) => reject(new ConfigError(`cannot listen for ${listener.protocol} on ${listenerName(listener)}: ${messageOf(error)}`)))
      server.listen(options, resolve)
    })
  }

  #accept(listener: Listener, socket: net.Socket): void {
    const remote = { ip: plain(socket.remoteAddress), port: socket.remotePort ?? 0 }
    const local = { ip: plain(socket.localAddress), port: socket.localPort ?? 0 }
    if (listener.kind === 'inet' && listener.haproxy) this.#acceptProxied(listener, socket, { remote, local })
    else this.#begin(listener, socket, { remote, local })
  }

  /** A load balancer's connection, which is another's. */
  #acceptProxied(listener: Listener, socket: net.Socket, balancer: Proxied): void {
    const { remote, local } = balancer
    const { haproxy_trusted_networks, haproxy_timeout } = settingsFor(this.#config(), { protocol: listener.protocol, localIp: local.ip, remoteIp: remote.ip })
    const failed = (why: string): void => this.#world.emit({
      level: 'warning', name: 'net.haproxy', service: listener.protocol, text: `haproxy: Client dropped: ${why} (rip=${remote.ip})`,
    })
    if (!inNetworks(remote.ip, haproxy_trusted_networks)) {
      socket.destroy()
      return failed('not in haproxy_trusted_networks')
    }
    readProxyHeader(socket, this.#world.timers, haproxy_timeout, {
      read: (proxied) => this.#begin(listener, socket, proxied ?? balancer),
      failed,
    })
  }

  #begin(listener: Listener, socket: net.Socket, { remote, local, tls }: Proxied): void {
    const settings = settingsFor(this.#config(), { protocol: listener.protocol, localIp: local.ip, remoteIp: remote.ip })
    const trusted = inNetworks(remote.ip, settings.login_trusted_networks)
    const seed: SessionSeed = {
      protocol: listener.protocol,
      id: sessionId(this.#world.clock.now(), remote),
      remote,
      local,
      // As Dovecot: whoever connects over loopback could read the memory anyway.
      secured: trusted || listener.kind === 'unix' || remote.ip === local.ip || tls !== undefined,
      trusted,
      ...(tls === undefined ? {} : { tls }),
    }
    if (listener.kind === 'inet' && listener.ssl) return void this.#acceptSecured(seed, socket)
    socket.resume() // behind a PROXY header it is paused; takes effect after this turn, unless the session pauses it
    this.#acceptor.accept(this.#mayStartTls(seed) ? { ...seed, startTls: true } : seed, new SocketWire(socket, this.#world.timers))
  }

  #mayStartTls(seed: SessionSeed): boolean { return seed.tls === undefined && seed.protocol !== 'admin' && this.#handshakes.offers(seed) }

  async #acceptSecured(seed: SessionSeed, socket: net.Socket): Promise<void> {
    const secured = await this.#handshakes.begin(socket, seed)
    if (secured !== undefined) this.#acceptor.accept(underTls(seed, secured.tls), new SocketWire(secured.socket, this.#world.timers))
  }
}

/** IPv4 addresses that came through an IPv6 socket, written as IPv4. */
const plain = (address: string | undefined): string => (address ?? '').replace(/^::ffff:(?=\d+\.)/, '')
