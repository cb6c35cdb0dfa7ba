// What a client's certificate says, and whether it is to be believed.

import type { TLSSocket } from 'node:tls'
import type { ClientCertificate } from '../../actors/session/seed.ts'

/** Names of fields as OpenSSL has them: the long ones that ssl_cert_username_field may say, and what Node calls them. */
const shortNames: Record<string, string> = {
  commonName: 'CN', organizationName: 'O', organizationalUnitName: 'OU', countryName: 'C', localityName: 'L', stateOrProvinceName: 'ST',
  domainComponent: 'DC', userId: 'UID', surname: 'SN', givenName: 'GN',
}

/** Node has the outcome of the check at its own servers only; a socket that was wrapped by hand keeps it here. */
interface Verified { _handle?: { verifyError?(): Error & { code?: string } | null } | null }

/** The certificate that the client has shown; undefined: none. `invalid`: why none can be valid. */
export function clientCertificate(socket: TLSSocket, field: string, invalid: string | undefined): ClientCertificate | undefined {
  const shown = socket.getPeerCertificate()
  // Without a certificate this is undefined, or an object without members, whatever its type says.
  if (shown?.subject === undefined) return undefined
  const name = nameIn(shown.subject as unknown as Record<string, string | string[] | undefined>, field)
  const why = invalid ?? complaint(socket)
  return { valid: why === undefined, ...(name === undefined ? {} : { name }), ...(why === undefined ? {} : { why }) }
}

/** Why the certificate is not valid. */
function complaint(socket: TLSSocket): string | undefined {
  const verifyError = (socket as unknown as Verified)._handle?.verifyError
  if (typeof verifyError !== 'function') return 'client certificates cannot be verified'
  const error = verifyError.call((socket as unknown as Verified)._handle)
  return error === null ? undefined : error?.code ?? 'not verified'
}

/** The first value, as OpenSSL's own look-up gives it. */
function nameIn(subject: Record<string, string | string[] | undefined>, field: string): string | undefined {
  const value = subject[shortNames[field] ?? field] ?? subject[field]
  const name = Array.isArray(value) ? value[0] : value
  return name === undefined || name === '' || name.includes('\0') ? undefined : name
}
