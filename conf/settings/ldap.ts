// What stands in the file that `passdb { driver = ldap }` and `userdb { driver = ldap }` name in `args` (conf/ldap-file.ts).

import { acts, bool, choice, list, number, path, text } from '../setting.ts'

/** SASL mechanisms whose one message is all of the bind. */
export const saslMechanisms = ['', 'PLAIN', 'EXTERNAL'] as const

export const ldapSettings = {
  hosts: list('', 'Servers, host or host:port, in the order in which they are tried.', acts),
  uris: list('', 'The same as ldap://host:port, ldaps://host:port or ldapi://%2fsocket; instead of hosts.', acts),
  dn: text('', 'Who Culver is to the directory; empty: nobody (anonymous).', acts),
  dnpass: text('', 'Its password.', { ...acts, secret: true }),
  sasl_bind: bool(false, 'Bind as `dn` by SASL.', acts),
  sasl_mech: choice(saslMechanisms, '', 'SASL mechanism of that bind.', acts),
  sasl_realm: text('', 'SASL realm; neither PLAIN nor EXTERNAL has one.'),
  sasl_authz_id: text('', 'SASL authorization identity.', acts),
  tls: bool(false, 'StartTLS before anything else is said.', acts),
  tls_ca_cert_file: path('', 'Certificates of the authorities that are trusted; without it and tls_ca_cert_dir the public ones.', acts),
  tls_ca_cert_dir: path('', 'Directory of such files.', acts),
  tls_cert_file: path('', 'Certificate shown to the directory.', acts),
  tls_key_file: path('', 'Its key.', acts),
  tls_cipher_suite: text('', 'Ciphers, as OpenSSL lists them.', acts),
  tls_require_cert: choice(['demand', 'hard', 'try', 'allow', 'never'], 'demand', 'demand, hard, try: the certificate must be valid; allow, never: any will do.', acts),
  ldaprc_path: path('', 'File of settings for the OpenLDAP library, which is not used here.'),
  debug_level: number(0, 'Debugging of the OpenLDAP library, which is not used here.'),
  ldap_version: number(3, 'Version of the protocol; there is only 3.', acts),
  base: text('', 'Where searches begin; %variables.', acts),
  scope: choice(['subtree', 'onelevel', 'base'], 'subtree', 'How deep searches go.', acts),
  deref: choice(['never', 'searching', 'finding', 'always'], 'never', 'When aliases are followed.', acts),
  auth_bind: bool(false, 'Check a password by binding with it; the directory gives out none.', acts),
  auth_bind_userdn: text('', 'DN for that, %variables; then no search is made, and pass_filter and pass_attrs count for nothing.', acts),
  pass_attrs: text('uid=user,userPassword=password', 'Fields of a passdb: `attribute=field`, `attribute=field=template with %$`, `=field=template with %{ldap:attribute:default}`.', acts),
  pass_filter: text('(&(objectClass=posixAccount)(uid=%u))', 'Finds the user who logs in.', acts),
  user_attrs: text('homeDirectory=home,uidNumber=uid,gidNumber=gid', 'Fields of a userdb, written as in pass_attrs.', acts),
  user_filter: text('(&(objectClass=posixAccount)(uid=%u))', 'Finds a user.', acts),
  iterate_attrs: text('uid=user', 'Says where the name of a listed user is.', acts),
  iterate_filter: text('(objectClass=posixAccount)', 'Finds all users.', acts),
  default_pass_scheme: text('CRYPT', 'Scheme of passwords that name none.', acts),
  blocking: bool(false, 'Look up in the auth workers, each with a connection of its own: here always so.', acts),
  userdb_warning_disable: bool(false, 'Obsolete, and of no effect in Dovecot either.', acts),
} as const
