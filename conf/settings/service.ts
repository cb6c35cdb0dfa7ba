// `service NAME { … }` and its listeners. A Dovecot service is a kind of process; Culver has workers in place of processes,
// and takes from a service its listeners, and from some its limits.

import type { Values } from '../setting.ts'
import { acts, actsAtStart, bool, list, number, octal, size, text, time } from '../setting.ts'

/** Sizes (process_limit … vsz_limit) are explained at start, service by service: conf/service-limits.ts. */
export const serviceSettings = {
  protocol: text('', 'It runs only where `protocols` has this one.', actsAtStart),
  type: text('', 'What kind of process it is.'),
  executable: text('', 'What is run; `script PROGRAM` for a script.'),
  user: text('', 'System user.'),
  group: text('', 'System group.'),
  privileged_group: text('', 'Further system group for privileged operations.'),
  extra_groups: list('', 'Further system groups.'),
  chroot: text('', 'Directory into which it is chrooted.'),
  drop_priv_before_exec: bool(false, 'Drop privileges before running.'),
  process_min_avail: number(0, 'Processes kept ready.', acts),
  process_limit: number(0, 'Processes; 0: default_process_limit.', acts),
  client_limit: number(0, 'Connections of a process; 0: default_client_limit.', acts),
  service_count: number(0, 'Connections after which a process ends; 0: never.', acts),
  idle_kill: time('0', 'Idle time after which a process ends; 0: default_idle_kill.', acts),
  vsz_limit: size('unlimited', 'Memory of a process; unlimited: default_vsz_limit.', acts),
} as const

export const inetListenerSettings = {
  address: list('', 'Addresses; empty: `listen`.', actsAtStart),
  port: number(0, 'Port; 0: it does not listen.', actsAtStart),
  ssl: bool(false, 'TLS from the first byte.', actsAtStart),
  reuse_port: bool(false, 'Several processes listen; always so here.'),
  haproxy: bool(false, 'Connections begin with a PROXY header.', actsAtStart),
} as const

/** UNIX sockets and named pipes. */
export const fileListenerSettings = {
  mode: octal(0o600, 'File mode; 0: it does not listen.', actsAtStart),
  user: text('', 'Owner.', actsAtStart),
  group: text('', 'Group.', actsAtStart),
} as const

export type InetListenerSettings = Values<typeof inetListenerSettings>
export type FileListenerSettings = Values<typeof fileListenerSettings>
export type ServiceSettings = Values<typeof serviceSettings> & {
  inet_listener: Record<string, InetListenerSettings>
  unix_listener: Record<string, FileListenerSettings>
  fifo_listener: Record<string, FileListenerSettings>
}

/** A service that is there without being configured: its settings and listeners as they would be written. */
interface KnownService {
  set?: Record<string, string>
  inet_listener?: Record<string, Record<string, string>>
  unix_listener?: Record<string, Record<string, string>>
}

const internal = '$default_internal_user'
const login = { user: '$default_login_user', chroot: 'login', type: 'login', service_count: '1' }
const mail = { client_limit: '1', process_limit: '1024', service_count: '1' }

/** The services that Culver knows, with Dovecot's defaults. Others may be configured, and are then reported. */
export const knownServices: Record<string, KnownService> = {
  anvil: {
    set: { executable: 'anvil', user: internal, chroot: 'empty', type: 'anvil', process_min_avail: '1', process_limit: '1' },
    unix_listener: { anvil: {}, 'anvil-auth-penalty': {} },
  },
  auth: {
    set: { executable: 'auth', user: internal, process_limit: '1' },
    unix_listener: {
      'auth-client': { user: internal }, 'auth-login': { user: internal }, 'auth-master': {},
      'auth-userdb': { mode: '0666', user: internal }, 'login/login': { mode: '0666' }, 'token-login/tokenlogin': { mode: '0666' },
    },
  },
  'auth-worker': {
    set: { executable: 'auth -w', type: 'worker', client_limit: '1' },
    unix_listener: { 'auth-worker': { user: internal } },
  },
  doveadm: {
    set: { executable: 'doveadm-server', client_limit: '1', service_count: '1' },
    unix_listener: { 'doveadm-server': {} },
  },
  imap: {
    set: { executable: 'imap', protocol: 'imap', ...mail },
    unix_listener: { 'imap-master': {}, 'login/imap': { mode: '0666' } },
  },
  'imap-login': {
    set: { executable: 'imap-login', protocol: 'imap', ...login },
    inet_listener: { imap: { port: '143' }, imaps: { port: '993', ssl: 'yes' } },
  },
  lmtp: {
    set: { executable: 'lmtp', protocol: 'lmtp', client_limit: '1' },
    unix_listener: { lmtp: { mode: '0666' } },
  },
  managesieve: {
    set: { executable: 'managesieve', protocol: 'sieve', ...mail },
    unix_listener: { 'login/sieve': { mode: '0666' } },
  },
  'managesieve-login': {
    set: { executable: 'managesieve-login', protocol: 'sieve', ...login },
    inet_listener: { sieve: { port: '4190' } },
  },
  pop3: {
    set: { executable: 'pop3', protocol: 'pop3', ...mail },
    unix_listener: { 'login/pop3': { mode: '0666' } },
  },
  'pop3-login': {
    set: { executable: 'pop3-login', protocol: 'pop3', ...login },
    inet_listener: { pop3: { port: '110' }, pop3s: { port: '995', ssl: 'yes' } },
  },
  stats: {
    set: { executable: 'stats', user: internal, process_min_avail: '1', process_limit: '1' },
    unix_listener: { 'stats-reader': {}, 'stats-writer': { mode: '0660', group: '$default_internal_group' } },
  },
}
