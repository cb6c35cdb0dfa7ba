// Delivery: LMTP, and what it shares with the LDA.

import { acts, bool, choice, list, listOf, number, path, size, text, time } from '../setting.ts'

export const lmtpSettings = {
  lmtp_add_received_header: bool(true, 'Add a Received: header.', acts),
  lmtp_client_workarounds: listOf(['whitespace-before-path', 'mailbox-for-path'], '', 'Workarounds for MTAs: whitespace-before-path, mailbox-for-path.', acts),
  lmtp_hdr_delivery_address: choice(['none', 'final', 'original'], 'final', 'Which address Delivered-To: names.', acts),
  lmtp_proxy: bool(false, 'Pass mail on for users whom the passdb gives to other servers (its field proxy).', acts),
  lmtp_proxy_rawlog_dir: path('', 'Directory for raw copies of proxied connections.'),
  lmtp_rawlog_dir: path('', 'Directory for raw copies of connections.'),
  lmtp_rcpt_check_quota: bool(false, 'Check the quota at RCPT already.'),
  lmtp_save_to_detail_mailbox: bool(false, 'user+detail goes to the mailbox `detail`.', acts),
  lmtp_user_concurrency_limit: number(0, 'Deliveries of a user at a time; 0: no bound.'),
  lmtp_verbose_replies: bool(false, 'Say more in replies, for debugging.', acts),
  recipient_delimiter: text('+', 'Characters between user and detail in an address.', acts),
  lda_mailbox_autocreate: bool(false, 'Create the mailbox a delivery is meant for.', acts),
  lda_mailbox_autosubscribe: bool(false, 'And subscribe to it.', acts),
  lda_original_recipient_header: text('', 'Header that has the original recipient.'),
  postmaster_address: text('postmaster@%{if;%d;ne;;%d;%{hostname}}', 'Sender of rejections.', { perUser: true }),
  rejection_reason: text('Your message to <%t> was automatically rejected:%n%r', 'Text of rejections.'),
  rejection_subject: text('Rejected: %s', 'Subject of rejections.'),
  quota_full_tempfail: bool(false, 'Over quota is a temporary failure.', acts),
  sendmail_path: path('/usr/sbin/sendmail', 'Program that sends mail.'),
} as const

/** The SMTP server that mail is sent by; and the settings of the submission service, which Culver is not. */
export const submissionSettings = {
  submission_host: text('', 'SMTP server, host[:port], that mail is sent by; empty: sendmail_path.'),
  submission_ssl: choice(['no', 'smtps', 'submissions', 'starttls'], 'no', 'TLS to it.'),
  submission_timeout: time('30 secs', 'Time it has.'),
  submission_client_workarounds: list('', 'Workarounds for clients of the submission service.'),
  submission_logout_format: text('in=%i out=%o', 'Figures of the submission logout line.'),
  submission_max_mail_size: size('0', 'Largest mail of the submission service.'),
  submission_max_recipients: number(0, 'Recipients of a mail of the submission service.'),
  submission_relay_command_timeout: time('5 mins', 'Time a command of the relay has.'),
  submission_relay_connect_timeout: time('30 secs', 'Time a connection to the relay has.'),
  submission_relay_host: text('', 'Relay of the submission service.'),
  submission_relay_master_user: text('', 'Master user at the relay.'),
  submission_relay_max_idle_time: time('29 mins', 'Idle time of the relay.'),
  submission_relay_password: text('', 'Password at the relay.', { secret: true }),
  submission_relay_port: number(25, 'Port of the relay.'),
  submission_relay_rawlog_dir: path('', 'Directory for raw copies of relay connections.'),
  submission_relay_ssl: choice(['no', 'smtps', 'starttls'], 'no', 'TLS to the relay.'),
  submission_relay_ssl_verify: bool(true, 'The relay must have a valid certificate.'),
  submission_relay_trusted: bool(false, 'The relay trusts us (XCLIENT).'),
  submission_relay_user: text('', 'User at the relay.'),
} as const
