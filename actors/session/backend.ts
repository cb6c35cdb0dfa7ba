// Another server that a client, or its mail, is passed on to: a connection that a session makes (SessionWorld.connect) and
// talks over as a client would. What is said there is the protocol's own business (imap/proxy.ts, lmtp/relay.ts).

import type { ProxyTarget } from '../auth-messages.ts'
import type { Endpoint } from './seed.ts'
import { limits } from '../../runtime/limits.ts'

export interface BackendAddress {
  host: string
  port: number
  /** TLS from the first byte. */
  secure: boolean
  /** The server must have a valid certificate, with TLS now or later. */
  verify: boolean
  timeoutMs: number
}

/** One connection to a backend. Everything rejects with TempFail: the connection is gone, or it took too long. */
export interface BackendLink {
  readonly remote: Endpoint
  /** The next line, without its end (Latin-1). */
  line(timeoutMs: number): Promise<string>
  /** Latin-1 where it is a string. */
  write(bytes: Uint8Array | string): void
  /** Settles when there is room for more. */
  drained(): Promise<void>
  /** Begins TLS. What has been received and not read is lost. */
  startTls(timeoutMs: number): Promise<void>
  /** Ends it. */
  close(): void
}

/** Passes that a connection has left: each proxy that trusts the one before tells the next one a lower number. */
export const ttlOf = (seed: { proxyTtl?: number }): number => (seed.proxyTtl ?? limits.proxyTtl) - 1

/** `host:port`, for logs. */
export const placeOf = ({ host }: ProxyTarget, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`
