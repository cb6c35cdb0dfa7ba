// Where lines go, and how much is said.

import { acts, actsAtStart, bool, path, text } from '../setting.ts'

export const logSettings = {
  log_path: path('syslog', 'File for all lines; `syslog`; `/dev/stderr`.', actsAtStart),
  info_log_path: path('', 'File for informational lines; empty: log_path.', actsAtStart),
  debug_log_path: path('', 'File for debug lines; empty: info_log_path.', actsAtStart),
  log_timestamp: text('%b %d %H:%M:%S ', 'strftime(3) form of the time before each line of a log file.', acts),
  log_debug: text('', 'Event filter: which debug events are logged.'),
  log_core_filter: text('', 'Event filter: which events dump core.'),
  process_shutdown_filter: text('', 'Event filter: after which events a process ends.'),
  syslog_facility: text('mail', 'Facility of syslog lines.'),
  mail_log_prefix: text('%s(%u)<%{pid}><%{session}>: ', 'Put before the lines about a user; %variables are known.', acts),
  mail_debug: bool(false, 'Debug lines about mail access.', acts),
  auth_verbose: bool(false, 'A line for each failed login, with the reason.', acts),
  auth_verbose_passwords: text('no', 'Whether and how a wrong password is logged: no, plain, sha1, with :length.', acts),
  auth_debug: bool(false, 'Debug lines about authentication, and all that auth_verbose tells.', acts),
  auth_debug_passwords: bool(false, 'As auth_debug, with refused passwords in plain.', acts),
  verbose_ssl: bool(false, 'Debug lines about TLS with clients.', acts),
  verbose_proctitle: bool(false, 'The process title shows how many connections there are of each service.', acts),
  login_log_format_elements: text('user=<%u> method=%m rip=%r lip=%l mpid=%e %c session=<%{session}>', 'What a login line says; an element with an empty variable is left out.', acts),
  login_log_format: text('%$: %s', 'Form of a login line: %s the elements, %$ the text.', acts),
  deliver_log_format: text('msgid=%m: %$', 'Form of a delivery line.', acts),
} as const
