// Before login: greeting, trust, TLS.

import { acts, actsAtStart, bool, choice, list, listOf, number, path, text, time } from '../setting.ts'

export const loginSettings = {
  login_greeting: text('Culver ready.', 'Greeting of IMAP, POP3, LMTP and ManageSieve.', acts),
  login_trusted_networks: list('', 'Networks of proxies: they may forward the client\'s address and session id, and need no TLS.', acts),
  mail_max_userip_connections: number(10, 'Connections of a user from one address, for each protocol; 0: no bound.', acts),
  culver_login_ip_connections: number(300, 'Culver: connections from one address that have not logged in, on each session worker; proxies and this machine excepted; 0: no bound.', acts),
  login_access_sockets: list('', 'UNIX sockets asked whether a connection may go on.'),
  login_plugins: list('', 'Login plugins.'),
  login_plugin_dir: path('/usr/lib/dovecot/modules/login', 'Directory of login plugins.'),
  login_proxy_max_disconnect_delay: time('0', 'Time over which proxied clients are disconnected.'),
  login_proxy_max_reconnects: number(3, 'Times a backend is tried again that cannot be reached, or says UNAVAILABLE.', acts),
  login_proxy_notify_path: path('proxy-notify', 'Pipe told of proxied logins.'),
  login_proxy_rawlog_dir: path('', 'Directory for raw copies of proxied connections.'),
  login_proxy_timeout: time('30 secs', 'Time in which a backend must have let a client in.', acts),
  login_source_ips: list('', 'Source addresses of proxied connections.'),
} as const

export const sslSettings = {
  ssl: choice(['no', 'yes', 'required'], 'yes', 'Whether TLS is offered, once there is a certificate; no: neither TLS listeners nor STARTTLS; required: nobody logs in without.', acts),
  ssl_cert: text('', 'Certificate and its chain, usually `<file`.', acts),
  ssl_key: text('', 'Private key, usually `<file`.', { acts: true, secret: true }),
  ssl_alt_cert: text('', 'Second certificate, of another algorithm.', acts),
  ssl_alt_key: text('', 'Private key of the second certificate.', { acts: true, secret: true }),
  ssl_key_password: text('', 'Password of the private keys.', { acts: true, secret: true }),
  ssl_ca: text('', 'Authorities that client certificates must come from, with their revocation lists.', acts),
  ssl_dh: text('', 'Diffie-Hellman parameters; empty: no DHE ciphers.', acts),
  ssl_min_protocol: choice(['ANY', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3', 'LATEST'], 'TLSv1.2', 'Oldest TLS version; SSLv3 is not to be had, and means TLSv1.', acts),
  ssl_cipher_list: text('ALL:!kRSA:!SRP:!kDHd:!DSS:!aNULL:!eNULL:!EXPORT:!DES:!3DES:!MD5:!PSK:!RC4:!ADH:!LOW@STRENGTH', 'Ciphers up to TLS 1.2.', acts),
  ssl_cipher_suites: text('', 'Ciphers of TLS 1.3; empty: all.', acts),
  ssl_curve_list: text('', 'Elliptic curves; empty: the usual ones.', acts),
  ssl_prefer_server_ciphers: bool(false, 'The server\'s order of ciphers counts.', acts),
  ssl_options: listOf(['compression', 'no_compression', 'no_ticket'], '', 'no_ticket: no resumption of sessions; there is no compression.', { acts: ['no_compression', 'no_ticket'] }),
  ssl_verify_client_cert: bool(false, 'Ask clients for a certificate.', acts),
  ssl_require_crl: bool(true, 'Client certificates are valid only where ssl_ca has a revocation list.', acts),
  ssl_cert_username_field: text('commonName', 'Field of a client certificate that names the user.', acts),
  ssl_client_ca_dir: path('', 'Directory of authorities for https stores, in place of the runtime\'s own.', actsAtStart),
  ssl_client_ca_file: path('', 'File of authorities for https stores, in place of the runtime\'s own.', actsAtStart),
  ssl_client_cert: text('', 'Certificate for https stores.', actsAtStart),
  ssl_client_key: text('', 'Private key for https stores.', { ...actsAtStart, secret: true }),
  ssl_client_require_valid_cert: bool(true, 'Https stores must have a valid certificate.', actsAtStart),
  ssl_crypto_device: text('', 'OpenSSL engine.'),
} as const
