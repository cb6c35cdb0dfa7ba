// TLS handshakes of one worker: what comes of each, and that none takes for ever.
//
// - A client has limits.tlsHandshakeMs; of more than limits.tlsHandshakes at a time the oldest is given up, so that who holds
//   many open keeps nobody out.
// - The name that the client asks for (SNI) chooses the settings, as `local_name` filters say, and with them the certificate.
// - verbose_ssl: a line about each, also where it filters by address; of what fails, and of each client certificate.
// - What is in the socket already was sent for the handshake: plaintext behind STARTTLS makes it fail (CVE-2011-0411).

import type net from 'node:net'
import tls from 'node:tls'
import type { SessionSeed, TlsProperties } from '../../actors/session/seed.ts'
import type { Config } from '../../conf/load.ts'
import { settingsFor } from '../../conf/load.ts'
import type { Settings } from '../../conf/settings.ts'
import type { Clock, Timers } from '../../runtime/effects.ts'
import { messageOf } from '../../runtime/errors.ts'
import type { LogEvent } from '../../runtime/events.ts'
import { limits } from '../../runtime/limits.ts'
import { exampleName } from './check.ts'
import { clientCertificate } from './client-certificate.ts'
import { asksCertificate, offersTls, serverTls } from './context.ts'
import type { ServerTls } from './context.ts'
import { hostName } from './host-name.ts'

interface World { clock: Clock; timers: Timers; emit(event: LogEvent): void }

/** Whose connection it is. */
export type About = Pick<SessionSeed, 'protocol' | 'id' | 'remote' | 'local'>

/** A connection under TLS: nothing has been read of it. */
export interface Secured { socket: tls.TLSSocket; tls: TlsProperties }

/** The same connection behind its handshake. */
export function underTls({ startTls: _, ...seed }: SessionSeed, tls: TlsProperties): SessionSeed {
  return { ...seed, secured: true, tls }
}

export class Handshakes {
  readonly #world: World
  readonly #config: () => Config
  readonly #ticketKeys: Buffer
  readonly #atOnce: number
  /** Ends a handshake, and why; the oldest first. */
  readonly #running = new Set<(why: string) => void>()
  /** A configuration that is read again has settings, and so certificates, of its own. */
  readonly #made = new WeakMap<Settings, ServerTls>()
  readonly #names = new WeakMap<Config, string[]>()

  /** `config`: in force when a handshake begins. `ticketKeys`: the same for all workers. */
  constructor(world: World, config: () => Config, ticketKeys: Uint8Array, bounds = { atOnce: limits.tlsHandshakes as number }) {
    this.#world = world
    this.#atOnce = bounds.atOnce
    this.#config = config
    this.#ticketKeys = Buffer.from(ticketKeys)
  }

  /** Whether a connection may have TLS. */
  offers(about: Omit<About, 'id'>): boolean { return offersTls(this.#settings(about)) }

  /** Makes a client's fresh, or paused, socket a secured one. undefined: it has been dropped, and the log says why. */
  begin(socket: net.Socket, about: About): Promise<Secured | undefined> {
    let own: ServerTls
    try {
      own = this.#tlsOf(this.#settings(about))
    } catch (error) {
      socket.destroy()
      this.#failed(about, this.#world.clock.monotonic(), messageOf(error))
      return Promise.resolve(undefined)
    }
    return this.#shake(socket, about, own)
  }

  /** Gives up all that are not done. */
  stop(): void {
    for (const give of [...this.#running]) give('server shutting down')
  }

  #shake(socket: net.Socket, about: About, own: ServerTls): Promise<Secured | undefined> {
    let used = own
    const begun = this.#world.clock.monotonic()
    const secured = new tls.TLSSocket(socket, {
      isServer: true,
      secureContext: own.context,
      requestCert: own.asksCertificate || this.#anyoneAsks(about),
      rejectUnauthorized: false,
      SNICallback: (name, give) => {
        try {
          const named = this.#settings(about, name)
          if (offersTls(named)) used = this.#tlsOf(named)
          give(null, used.context)
        } catch (error) {
          give(error instanceof Error ? error : new Error(String(error)))
        }
      },
    })
    return new Promise((resolve) => {
      const done = (): void => {
        cancel()
        this.#running.delete(fail)
        for (const [event, listener] of Object.entries(listeners)) secured.off(event, listener)
      }
      const fail = (why: string): void => {
        done()
        this.#tell(about, `SSL error: ${why}`)
        secured.on('error', () => {})
        secured.destroy()
        socket.destroy()
        this.#failed(about, begun, why)
        resolve(undefined)
      }
      const listeners = {
        secure: () => {
          done()
          const properties = this.#propertiesOf(secured, about, used)
          this.#told(about, secured, properties, begun)
          resolve({ socket: secured, tls: properties })
        },
        error: (error: Error) => fail(`SSL_accept() failed: ${opensslReason(error)}`),
        end: () => fail('Remote closed connection'),
        close: () => fail('Remote closed connection'),
      }
      for (const [event, listener] of Object.entries(listeners)) secured.on(event, listener)
      const cancel = this.#world.timers.after(limits.tlsHandshakeMs, () => fail('Handshake took too long'))
      this.#running.add(fail)
      if (this.#running.size > this.#atOnce) [...this.#running][0]!('too many handshakes at a time')
    })
  }

  #told(about: About, socket: tls.TLSSocket, { protocol, cipher, serverName = 'not said', certificate }: TlsProperties, begun: number): void {
    const session = socket.isSessionReused() ? 'resumed session' : 'new session'
    this.#tell(about, `SSL: ${protocol} with cipher ${cipher}, server name ${serverName}, ${session}, ${Math.round(this.#world.clock.monotonic() - begun)} ms`)
    if (certificate === undefined) return
    const { valid, why = '', name = '' } = certificate
    this.#tell(about, valid ? `Received valid SSL certificate of ${name}` : `Received invalid SSL certificate: ${why}: of ${name}`)
  }

  /** A line of verbose_ssl. */
  #tell(about: About, text: string): void {
    if (!this.#settings(about).verbose_ssl) return
    const { protocol, id, remote, local } = about
    this.#world.emit({
      level: 'debug', name: 'tls.debug', service: protocol === 'lmtp' ? 'lmtp' : `${protocol}-login`, session: id,
      text: `${text}: rip=${remote.ip}, lip=${local.ip}, session=<${id}>`,
    })
  }

  #propertiesOf(socket: tls.TLSSocket, about: About, used: ServerTls): TlsProperties {
    const serverName = hostName(socket.servername)
    const field = this.#settings(about, serverName).ssl_cert_username_field
    const certificate = used.asksCertificate ? clientCertificate(socket, field, used.invalid) : undefined
    return {
      protocol: socket.getProtocol() ?? 'TLS',
      cipher: socket.getCipher().name,
      ...(serverName === undefined ? {} : { serverName }),
      ...(certificate === undefined ? {} : { certificate }),
    }
  }

  /** Whether a client is asked for its certificate is decided before it has named its server. */
  #anyoneAsks(about: Omit<About, 'id'>): boolean {
    return this.#namesIn(this.#config()).some((name) => asksCertificate(this.#settings(about, name)))
  }

  /** One name for each `local_name` filter. */
  #namesIn(config: Config): string[] {
    let names = this.#names.get(config)
    if (names === undefined) {
      const filters = config.entries.flatMap(({ conditions }) => conditions.filter(({ kind }) => kind === 'local_name'))
      this.#names.set(config, names = [...new Set(filters.map(({ value }) => exampleName(value)))])
    }
    return names
  }

  #settings({ protocol, remote, local }: Omit<About, 'id'>, name?: string): Settings {
    const localName = hostName(name)
    return settingsFor(this.#config(), { protocol, localIp: local.ip, remoteIp: remote.ip, ...(localName === undefined ? {} : { localName }) })
  }

  #tlsOf(settings: Settings): ServerTls {
    let made = this.#made.get(settings)
    if (made === undefined) this.#made.set(settings, made = serverTls(settings, this.#ticketKeys))
    return made
  }

  #failed({ protocol, id, remote, local }: About, begun: number, why: string): void {
    const seconds = Math.round((this.#world.clock.monotonic() - begun) / 1000)
    this.#world.emit({
      level: 'info', name: 'tls.failed', service: protocol === 'lmtp' ? 'lmtp' : `${protocol}-login`, session: id,
      text: `Disconnected: Connection closed: ${why} (no auth attempts in ${seconds} secs): user=<>, rip=${remote.ip}, lip=${local.ip}, TLS handshaking, session=<${id}>`,
    })
  }
}

/** `error:0A00010B:SSL routines:tls_validate_record_header:wrong version number`, without the thread and source line around it. */
const opensslReason = (error: Error): string => /error:[0-9A-F]{8}:[^:]*:[^:]*:[^:\n]*/.exec(error.message)?.[0] ?? messageOf(error).trim()
