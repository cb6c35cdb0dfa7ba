// How a connection begins: who is at its ends, and what its handshake or a trusted peer has said of it. Structured-clonable, as it
// crosses to the thread where the session lives.

import type { Account } from '../user/types.ts'

export type ProtocolName = 'imap' | 'pop3' | 'lmtp' | 'managesieve' | 'admin'

/** One end of a connection. */
export interface Endpoint { ip: string; port: number }

/** What is known of a connection's TLS, by its handshake or from the load balancer that ends it. */
export interface TlsProperties {
  /** `TLSv1.3` */
  protocol: string
  cipher: string
  /** The name that the client has asked for (SNI), lower case: filters `local_name`, %{local_name}. */
  serverName?: string
  /** Present: the client has shown one. */
  certificate?: ClientCertificate
}

/** `name`: of the field ssl_cert_username_field; who the client is, if `valid`. `why` it is not, for the log. */
export interface ClientCertificate { valid: boolean; name?: string; why?: string }

/** How a session begins, or goes on elsewhere: structured-clonable, so that it can cross to the user's home worker. */
export interface SessionSeed {
  protocol: ProtocolName
  /** Session id for logs: given by a trusted proxy or made by the accepting worker. */
  id: string
  /** The one made by the accepting worker, where a proxy has given another: that one may come twice. */
  ownId?: string
  remote: Endpoint
  local: Endpoint
  /** The proxy's own address, where one has said whose connection it is. */
  peer?: Endpoint
  /** TLS, or a trusted peer: plaintext passwords are fine. */
  secured: boolean
  /** Present: the connection is under TLS. */
  tls?: TlsProperties
  /** TLS can be begun (STARTTLS). */
  startTls?: true
  /** The peer is in login_trusted_networks and may forward addresses. */
  trusted: boolean
  /** Proxies that the connection may still pass, as a trusted peer has said. */
  proxyTtl?: number
  /** What a trusted peer has said for the passdb: its fields `forward_<name>`. */
  forward?: Readonly<Record<string, string>>
  /** Present: other sessions of this connection have logged out before (RFC 8437). What they received and sent is not this one's. */
  before?: { bytesIn: number; bytesOut: number }
  /**
   * Present: the session begins where another one logged out, or began TLS, without a greeting. `input` is what that one had
   * not consumed (of one before TLS: always nothing).
   */
  again?: { input: Uint8Array; from: 'logout' | 'plaintext' }
  /** Present: the session has logged in on another worker and continues here. */
  resumed?: {
    account: Account
    /** What the protocol's machine froze: opaque to everyone else, small. */
    state: unknown
    /** Bytes received and not consumed yet. */
    input: Uint8Array
  }
}
