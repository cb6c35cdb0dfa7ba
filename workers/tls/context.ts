// The ssl_* settings as what TLS with clients is made of: certificates, versions, ciphers, whose client certificates count.
//
// One for each set of settings (connections with the same filters share them). What cannot be said to OpenSSL is a
// ConfigError that names the setting: at start, or at a reload, which then changes nothing.

import { X509Certificate, constants, createHash, createPrivateKey, randomBytes } from 'node:crypto'
import tls from 'node:tls'
import type { Settings } from '../../conf/settings.ts'
import { ConfigError, messageOf } from '../../runtime/errors.ts'
import { certificatesIn, revocationListsIn } from './pem.ts'

/** What a handshake needs. */
export interface ServerTls {
  context: tls.SecureContext
  /** Clients are asked for a certificate. */
  asksCertificate: boolean
  /** No client certificate can be valid, and why. */
  invalid?: string
}

/** Node takes a list without TLS 1.3 ciphers to mean that there is to be no TLS 1.3. */
const allSuites = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256'

const versions: Record<Settings['ssl_min_protocol'], tls.SecureVersion> =
  { ANY: 'TLSv1', SSLv3: 'TLSv1', TLSv1: 'TLSv1', 'TLSv1.1': 'TLSv1.1', 'TLSv1.2': 'TLSv1.2', 'TLSv1.3': 'TLSv1.3', LATEST: 'TLSv1.3' }

/** Keys of TLS session tickets. */
export const newTicketKeys = (): Buffer => randomBytes(48)

/** Whether connections with these settings may have TLS. */
export const offersTls = (settings: Settings): boolean => settings.ssl !== 'no' && settings.ssl_cert !== ''

/** Dovecot's rule: who needs the certificate asks for it. */
export const asksCertificate = (settings: Settings): boolean =>
  settings.ssl_verify_client_cert || settings.auth_ssl_require_client_cert || settings.auth_ssl_username_from_cert

/** Builds it. `ticketKeys`: those of all threads, so that a session can be resumed on any of them. ConfigError. */
export function serverTls(settings: Settings, ticketKeys: Buffer): ServerTls {
  const { ssl_key, ssl_alt_cert, ssl_alt_key, ssl_ca, ssl_require_crl } = settings
  if (ssl_key === '') throw new ConfigError('ssl_cert is set, but ssl_key is not')
  if ((ssl_alt_cert === '') !== (ssl_alt_key === '')) throw new ConfigError('ssl_alt_cert and ssl_alt_key are of use together only')
  const asks = asksCertificate(settings)
  if (asks && ssl_ca === '') throw new ConfigError('client certificates are asked for, but ssl_ca is not set')
  const crl = ssl_require_crl ? revocationListsIn(ssl_ca) : []
  // Each part by itself first, so that an error names its setting.
  checkPair(settings, 'ssl_cert', 'ssl_key')
  if (ssl_alt_cert !== '') checkPair(settings, 'ssl_alt_cert', 'ssl_alt_key')
  if (asks) tried('ssl_ca', () => tls.createSecureContext({ ca: certificatesIn(ssl_ca), crl }))
  tried('ssl_cipher_list or ssl_cipher_suites', () => tls.createSecureContext({ ciphers: ciphersOf(settings) }))
  tried('ssl_curve_list', () => tls.createSecureContext(curvesOf(settings)))
  // Node takes anything for parameters, and does without.
  if (settings.ssl_dh !== '' && !settings.ssl_dh.includes('-----BEGIN DH PARAMETERS-----')) throw new ConfigError('ssl_dh holds no Diffie-Hellman parameters')
  tried('ssl_dh', () => tls.createSecureContext(dhOf(settings)))
  return {
    context: tried('ssl', () => tls.createSecureContext(optionsOf(settings, asks, crl, ticketKeys))),
    asksCertificate: asks,
    ...(asks && ssl_require_crl && crl.length === 0 ? { invalid: 'ssl_require_crl = yes, and ssl_ca has no revocation list' } : {}),
  }
}

function optionsOf(settings: Settings, asks: boolean, crl: string[], ticketKeys: Buffer): tls.SecureContextOptions {
  const { ssl_cert, ssl_alt_cert, ssl_ca, ssl_min_protocol } = settings
  const first = pairOf(settings, 'ssl_cert', 'ssl_key')
  const second = ssl_alt_cert === '' ? undefined : pairOf(settings, 'ssl_alt_cert', 'ssl_alt_key')
  return {
    cert: [first.cert, ...(second === undefined ? [] : [second.cert])],
    key: [...first.key, ...(second === undefined ? [] : second.key)],
    minVersion: versions[ssl_min_protocol],
    ciphers: ciphersOf(settings),
    ...curvesOf(settings),
    ...dhOf(settings),
    ...(asks ? { ca: certificatesIn(ssl_ca), crl } : {}),
    secureOptions: secureOptionsOf(settings),
    ticketKeys,
    // A session begun with one certificate, or before one authority, is not resumed with another.
    sessionIdContext: createHash('sha256').update(JSON.stringify([ssl_cert, ssl_alt_cert, ssl_ca, asks])).digest('hex').slice(0, 32),
  }
}

const pairOf = (settings: Settings, cert: 'ssl_cert' | 'ssl_alt_cert', key: 'ssl_key' | 'ssl_alt_key'): { cert: string; key: tls.KeyObject[] } => ({
  cert: settings[cert],
  key: [{ pem: settings[key], ...(settings.ssl_key_password === '' ? {} : { passphrase: settings.ssl_key_password }) }],
})

/** By hand: not every runtime looks at them before the first handshake. */
function checkPair(settings: Settings, cert: 'ssl_cert' | 'ssl_alt_cert', key: 'ssl_key' | 'ssl_alt_key'): void {
  const certificate = tried(cert, () => new X509Certificate(settings[cert]))
  const { ssl_key_password: passphrase } = settings
  const own = tried(key, () => createPrivateKey({ key: settings[key], ...(passphrase === '' ? {} : { passphrase }) }))
  if (!tried(key, () => certificate.checkPrivateKey(own))) throw new ConfigError(`${key} is not the key of ${cert}`)
}

const ciphersOf = ({ ssl_cipher_list, ssl_cipher_suites }: Settings): string => `${ssl_cipher_suites || allSuites}:${ssl_cipher_list}`

const curvesOf = ({ ssl_curve_list }: Settings): tls.SecureContextOptions => (ssl_curve_list === '' ? {} : { ecdhCurve: ssl_curve_list })

const dhOf = ({ ssl_dh }: Settings): tls.SecureContextOptions => (ssl_dh === '' ? {} : { dhparam: ssl_dh })

function secureOptionsOf({ ssl_options, ssl_prefer_server_ciphers }: Settings): number {
  return constants.SSL_OP_NO_RENEGOTIATION
    | (ssl_options.includes('no_ticket') ? constants.SSL_OP_NO_TICKET : 0)
    | (ssl_prefer_server_ciphers ? constants.SSL_OP_CIPHER_SERVER_PREFERENCE : 0)
}

function tried<T>(setting: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new ConfigError(`${setting}: ${messageOf(error)}`)
  }
}
