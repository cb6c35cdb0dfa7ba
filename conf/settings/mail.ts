// Where a user's mail is and how it is kept.

import { acts, actsAtStart, bool, choice, list, number, path, size, text, time } from '../setting.ts'

export const mailSettings = {
  mail_home: path('', 'Home of a user: the local state lives here.', { acts: true, perUser: true }),
  mail_location: path('', 'Where mail is: `obox:<path in the store>:INDEX=~/:CONTROL=~/`.', { acts: true, perUser: true }),
  mail_uid: text('', 'System user that owns the local files: whom the server must be started as, or it warns.', { ...actsAtStart, perUser: true }),
  mail_gid: text('', 'System group that owns the local files; likewise.', { ...actsAtStart, perUser: true }),
  mail_fsync: choice(['optimized', 'never', 'always'], 'optimized', 'When local files are forced to disk; objects do not depend on it.', acts),
  mail_temp_dir: path('/tmp', 'Directory for large mails on their way.', { acts: true, perUser: true }),
  mail_temp_scan_interval: time('1 weeks', 'Interval at which left-over temporary files are looked for.'),
  mail_plugins: list('', 'Plugins: zlib (new mails are compressed as zlib_save says); obox, quota, imap_quota, sieve … need no loading.', { acts: ['obox', 'zlib', 'quota', 'imap_quota'] }),
  mail_plugin_dir: path('/usr/lib/dovecot/modules', 'Directory of plugins.'),
  mail_prefetch_count: number(0, 'Mails fetched ahead in parallel; also the default of obox_max_parallel_*.', acts),
  mail_access_groups: list('', 'Further system groups of mail processes.'),
  mail_privileged_group: text('', 'System group used for privileged file operations.'),
  mail_chroot: path('', 'Directory into which mail processes are chrooted.', { perUser: true }),
  mail_full_filesystem_access: bool(false, 'Mailbox names may be paths.'),
  mail_always_cache_fields: list('', 'Fields always kept in the message cache.'),
  mail_cache_fields: list('flags', 'Fields kept in the message cache at first.'),
  mail_never_cache_fields: list('imap.envelope', 'Fields never kept in the message cache.'),
  mail_attachment_detection_options: list('', 'How $HasAttachment is decided.'),
  mail_attachment_dir: path('', 'Directory of attachments kept apart.', { perUser: true }),
  mail_attachment_fs: text('sis posix', 'Store of attachments kept apart.', { perUser: true }),
  mail_attachment_hash: text('%{sha1}', 'Hash that names attachments.'),
  mail_attachment_min_size: size('128k', 'Smallest attachment kept apart.'),
  mail_attribute_dict: text('', 'Dictionary of METADATA and sieve scripts.', { perUser: true }),
  mail_max_keyword_length: number(50, 'Longest keyword.'),
  mail_max_lock_timeout: time('0', 'Longest wait for a lock; 0: the built-in one.'),
  mail_nfs_index: bool(false, 'Indexes are on NFS.'),
  mail_nfs_storage: bool(false, 'Mail is on NFS.'),
  mail_save_crlf: bool(false, 'Save mail with CRLF line ends.'),
  mail_server_admin: text('', 'Whom to write to about this server, a URI: METADATA /shared/admin of "".', acts),
  mail_server_comment: text('', 'METADATA /shared/comment of "".', acts),
  mail_shared_explicit_inbox: bool(false, 'INBOX of shared namespaces is listed by name.'),
  mail_sort_max_read_count: number(0, 'Mails SORT may have to open; 0: no bound.', acts),
  mail_vsize_bg_after_count: number(0, 'Unknown sizes beyond which the quota is computed in the background.'),
  mailbox_idle_check_interval: time('30 secs', 'Interval at which mailboxes are looked at for changes of other programs.'),
  mailbox_list_index: bool(true, 'Keep an index of mailboxes; always so here.', { acts: ['yes'] }),
  mailbox_list_index_include_inbox: bool(false, 'And INBOX in it.'),
  mailbox_list_index_very_dirty_syncs: bool(false, 'Trust the index of mailboxes.'),
  mmap_disable: bool(false, 'Do not map files into memory.'),
  dotlock_use_excl: bool(true, 'Dot locks by O_EXCL.'),
  lock_method: choice(['fcntl', 'flock', 'dotlock'], 'fcntl', 'How files are locked.'),
} as const

/** `namespace NAME { … }`. */
export const namespaceSettings = {
  type: choice(['private', 'shared', 'public'], 'private', 'Whose mail it holds.', { acts: ['private'] }),
  separator: text('', 'Hierarchy separator; empty: /.', acts),
  prefix: text('', 'What names in it begin with.', { acts: true, perUser: true }),
  location: path('', 'Where its mail is; empty: mail_location.', { perUser: true }),
  inbox: bool(false, 'It has the INBOX.', acts),
  hidden: bool(false, 'NAMESPACE does not show it.', acts),
  list: choice(['yes', 'no', 'children'], 'yes', 'Whether LIST shows it.', acts),
  subscriptions: bool(true, 'It keeps its own subscriptions.', acts),
  ignore_on_failure: bool(false, 'A namespace that fails is left out.'),
  disabled: bool(false, 'As if it were not there.', acts),
  order: number(0, 'Place in the output of NAMESPACE.'),
  alias_for: text('', 'Prefix of the namespace it is another view of.'),
} as const

/** `mailbox NAME { … }` in a namespace. */
export const mailboxSettings = {
  auto: choice(['no', 'create', 'subscribe'], 'no', 'Whether it is there without being created.', acts),
  special_use: list('', 'Special uses, RFC 6154: \\Sent, \\Junk …', {
    acts: true, values: ['\\All', '\\Archive', '\\Drafts', '\\Flagged', '\\Important', '\\Junk', '\\Sent', '\\Trash'],
  }),
  autoexpunge: time('0', 'Age at which its mails go; 0: never.'),
  autoexpunge_max_mails: number(0, 'Number beyond which its oldest mails go; 0: no bound.'),
  driver: text('', 'Another driver for it.'),
  comment: text('', 'METADATA /private/comment.'),
} as const
