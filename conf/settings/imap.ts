// IMAP.

import { acts, bool, choice, listOf, number, path, size, text, time } from '../setting.ts'

export const imapSettings = {
  culver_imap_message_limit: number(0, 'Culver: messages that one command works on (MESSAGELIMIT; clients expect 1000 at least); 0: any number.', acts),
  culver_imap_save_limit: number(0, 'Culver: messages that one COPY or APPEND saves (SAVELIMIT); 0: any number.', acts),
  imap_capability: text('', 'Replaces the capabilities after login; `+X` adds one, `-X` takes one away. UNAUTHENTICATE exists only where it is told.', acts),
  imap_client_workarounds: listOf(['delay-newmail', 'tb-extra-mailbox-sep', 'tb-lsub-flags'], '', 'Workarounds for clients: delay-newmail, tb-extra-mailbox-sep, tb-lsub-flags.', acts),
  imap_fetch_failure: choice(['disconnect-immediately', 'disconnect-after', 'no-after'], 'disconnect-immediately', 'What a client sees when a mail cannot be read.', acts),
  imap_hibernate_timeout: time('30 secs', 'Time without a word from or for the client after which a session is packed to its smallest form; 0: never.', acts),
  imap_id_log: text('', 'Fields of the client\'s ID that are logged; *: all.', acts),
  imap_id_retain: bool(false, 'Keep the client\'s ID for %{client_id}.'),
  imap_id_send: text('name *', 'Pairs of field and value answered to ID; * as value: Culver\'s own.', acts),
  imap_idle_notify_interval: time('2 mins', 'Interval of "* OK Still here" during IDLE.', acts),
  imap_literal_minus: bool(false, 'Offer LITERAL- in place of LITERAL+.', acts),
  imap_logout_format: text('in=%i out=%o deleted=%{deleted} expunged=%{expunged} trashed=%{trashed} hdr_count=%{fetch_hdr_count} hdr_bytes=%{fetch_hdr_bytes} body_count=%{fetch_body_count} body_bytes=%{fetch_body_bytes}', 'Figures of the logout line.', acts),
  imap_max_line_length: size('64k', 'Longest command line.', acts),
  imap_metadata: bool(false, 'Offer METADATA.', acts),
  imap_urlauth_host: text('', 'Host of URLAUTH URLs.'),
  imap_urlauth_port: number(143, 'Port of URLAUTH URLs.'),
  imap_urlauth_logout_format: text('in=%i out=%o', 'Figures of the URLAUTH logout line.'),
  rawlog_dir: path('', 'Directory for raw copies of connections.'),
} as const
