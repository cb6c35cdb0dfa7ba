// LDAP-MD5: unsalted MD5 in base64 (RFC 2307's {MD5}, a name that Dovecot gives to MD5-CRYPT).

import { digestScheme } from '../password/digest.ts'

export default digestScheme(['LDAP-MD5'], 'md5', 16)
