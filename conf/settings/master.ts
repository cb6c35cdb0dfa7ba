// The process as a whole: what it serves, where it lives, how many threads.

import { limits } from '../../runtime/limits.ts'
import { acts, actsAtStart, bool, list, number, path, size, text, time } from '../setting.ts'

export const masterSettings = {
  protocols: list('imap pop3 lmtp', 'Protocols to serve: imap, pop3, lmtp, sieve (ManageSieve).', {
    values: ['imap', 'pop3', 'lmtp', 'sieve', 'submission', 'none'], acts: ['imap', 'lmtp', 'none'], atStart: true,
  }),
  listen: list('*, ::', 'Addresses for all inet_listeners without an `address` of their own; `*` all IPv4, `::` all IPv6.', actsAtStart),
  base_dir: path('/run/dovecot', 'Directory of UNIX sockets.', actsAtStart),
  state_dir: path('/var/lib/dovecot', 'Directory of state that outlives a restart.', acts),
  instance_name: text('dovecot', 'Name of this server in process titles and logs.'),
  libexec_dir: path('/usr/lib/dovecot', 'Directory of executables of services.'),
  import_environment: text('TZ CORE_OUTOFMEM CORE_ERROR LISTEN_PID LISTEN_FDS NOTIFY_SOCKET', 'Environment variables handed to services.'),
  default_process_limit: number(100, 'Processes of a service that does not say otherwise.', acts),
  default_client_limit: number(1000, 'Connections of a process of a service that does not say otherwise.', acts),
  default_idle_kill: time('1 mins', 'Time after which an idle process ends.'),
  default_vsz_limit: size('256M', 'Memory of a process of a service that does not say otherwise.'),
  default_login_user: text('dovenull', 'System user of login processes.'),
  default_internal_user: text('dovecot', 'System user of internal processes.'),
  default_internal_group: text('dovecot', 'System group of internal processes.'),
  shutdown_clients: bool(true, 'Stopping the server disconnects its clients.', { acts: ['yes'] }),
  config_cache_size: size('1M', 'Memory of the configuration cache.'),
  version_ignore: bool(false, 'Ignore version differences between processes.'),
  haproxy_trusted_networks: list('', 'Networks whose PROXY header is believed on listeners with haproxy = yes.', acts),
  haproxy_timeout: time('3 secs', 'Time in which the PROXY header must have come.', acts),
  hostname: text('', 'Name of this host in headers and replies; empty: the system\'s.', acts),
  doveadm_password: text('', 'Password of the admin API.', { secret: true }),
  doveadm_api_key: text('', 'Key of the admin HTTP API.', { secret: true }),
  doveadm_username: text('doveadm', 'User name of the admin API.'),
  doveadm_allowed_commands: list('', 'Admin commands that remote clients may run; empty: all.'),
  doveadm_socket_path: path('doveadm-server', 'UNIX socket of the admin API, below base_dir.', actsAtStart),
  doveadm_port: number(0, 'Port to which admin commands are sent; 0: the UNIX socket.'),
  doveadm_ssl: text('no', 'TLS to the admin port.'),
  doveadm_worker_count: number(0, 'Users on which an admin command works at a time.'),
  doveadm_http_rawlog_dir: path('', 'Directory for raw copies of admin HTTP connections.'),
  stats_writer_socket_path: path('stats-writer', 'Socket of the statistics process.'),
  stats_http_rawlog_dir: path('', 'Directory for raw copies of statistics HTTP connections.'),
  dict_db_config: path('', 'Berkeley DB configuration of dict processes.'),
  culver_ready_text: text('', 'Culver: what `serve` prints when it is ready, after its listeners.', actsAtStart),
  culver_session_workers: number(0, 'Culver: threads that hold sessions and users; 0: as many as the machine has cores.', { ...actsAtStart, range: [0, limits.sessionWorkers] }),
  culver_storage_workers: number(1, 'Culver: threads that do object I/O; users are hashed over them.', { ...actsAtStart, range: [1, limits.storageWorkers] }),
} as const
