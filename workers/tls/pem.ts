// Pieces of PEM files (RFC 7468). ssl_ca holds certificates of authorities and their revocation lists, one after another.

const blocksIn = (pem: string, label: string): string[] =>
  pem.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g')) ?? []

export const certificatesIn = (pem: string): string[] => [...blocksIn(pem, 'CERTIFICATE'), ...blocksIn(pem, 'TRUSTED CERTIFICATE')]

export const revocationListsIn = (pem: string): string[] => blocksIn(pem, 'X509 CRL')
