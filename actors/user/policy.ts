// The settings a user actor acts on, as it needs them: defaults that come from other settings resolved.

import type { NamespaceSettings, Settings } from '../../conf/settings.ts'
import { ConfigError } from '../../runtime/errors.ts'
import { quotaRoots } from './quota-rules.ts'
import type { QuotaRoot } from './quota-rules.ts'
import { parseMailLocation } from './mail-location.ts'
import type { MailLocation } from './mail-location.ts'
import type { Account } from './types.ts'

export interface Policy {
  location: MailLocation
  /** fs strings of the mail store and the bundle store. */
  mailStore: string
  indexStore: string
  /** The mail store as bodies go into it and come out of it (zlib_save). */
  bodyStore: string
  /** The name written in object metadata. */
  username: string
  fsync: 'optimized' | 'never' | 'always'
  parallelWrites: number
  parallelCopies: number
  /** Objects in one deletion request; all the store allows where the setting says nothing. */
  deletesAtOnce: number
  /** New mails a bundle may lack before it is uploaded. */
  rescanMails: number
  /** Important changes are uploaded within this time (ms). */
  uploadIntervalMs: number
  delayUploads: boolean
  /** A user that nobody uses stays in memory at least so long (ms). */
  closeDelayMs: number
  backgroundRootUploads: boolean
  /** Users in memory are asked for at least this often (ms), and at this time (UNIX seconds; 0: none). */
  refreshMs: number
  refreshAt: number
  /** Mailboxes that were last listed before this time (UNIX seconds) are listed when they are opened; 0: none. */
  rescanAt: number
  /** What a former owner has handed over is listed all the same. */
  alwaysList: boolean
  /** What other backends have left behind is merged. */
  merging: boolean
  /** Rows whose objects are gone are expunged; or their mails read as empty. */
  autofix: boolean
  lostAsEmpty: boolean
  /** Objects are copied by reading and writing them, by way of this directory. */
  copyThrough: boolean
  tempDirectory: string
  /** Sizes of other servers' mails: where metadata does not say them; and whether it is believed. */
  sizeMissing: 'warn-read' | 'read' | 'stat'
  distrustSizes: boolean
  lostMailboxPrefix: string
  saveToDetail: boolean
  autocreate: boolean
  autosubscribe: boolean
  namespaces: NamespaceSettings[]
  quota: readonly QuotaRoot[]
  /** Quota rules that say nothing one could act on, a line each. */
  wrongQuota: readonly string[]
}

/** More than any store takes in one request. */
const manyDeletes = 1000

/** `settings`: %-expanded for this user. */
export function policyOf(settings: Settings, account: Account): Policy {
  const mailStore = account.fields['obox_fs'] ?? settings.obox_fs
  if (mailStore === '') throw new ConfigError('obox_fs is not set: there is no store for mail')
  const { roots, wrong } = quotaRoots({ ...settings.plugin, ...account.fields })
  const prefetch = settings.mail_prefetch_count
  return {
    location: parseMailLocation(account.fields['mail'] ?? settings.mail_location, account),
    mailStore,
    bodyStore: bodyStoreOf({ ...settings, zlib_save: account.fields['zlib_save'] ?? settings.zlib_save }, mailStore),
    indexStore: (account.fields['obox_index_fs'] ?? settings.obox_index_fs) || mailStore,
    username: settings.obox_username || account.user,
    fsync: settings.mail_fsync,
    parallelWrites: settings.obox_max_parallel_writes || prefetch || 1,
    parallelCopies: settings.obox_max_parallel_copies || prefetch || 1,
    deletesAtOnce: settings.obox_max_parallel_deletes || prefetch || manyDeletes,
    rescanMails: settings.obox_max_rescan_mail_count,
    uploadIntervalMs: settings.metacache_upload_interval,
    delayUploads: settings.metacache_delay_uploads,
    closeDelayMs: settings.metacache_close_delay,
    backgroundRootUploads: settings.metacache_bg_root_uploads,
    refreshMs: settings.metacache_forced_refresh_interval || Infinity,
    refreshAt: settings.obox_refresh_index_once_after,
    rescanAt: settings.obox_rescan_mails_once_after,
    alwaysList: settings.metacache_disable_bundle_list_cache,
    merging: settings.metacache_index_merging !== 'none' && !settings.metacache_disable_merging,
    autofix: settings.obox_autofix_storage,
    lostAsEmpty: settings.obox_fetch_lost_mails_as_empty,
    copyThrough: settings.obox_disable_fast_copy,
    tempDirectory: settings.mail_temp_dir,
    sizeMissing: settings.obox_size_missing_action,
    distrustSizes: settings.obox_avoid_cached_vsize,
    lostMailboxPrefix: settings.obox_fetch_lost_mailbox_prefix,
    saveToDetail: settings.lmtp_save_to_detail_mailbox,
    autocreate: settings.lda_mailbox_autocreate,
    autosubscribe: settings.lda_mailbox_autosubscribe,
    namespaces: settings.namespace,
    quota: roots,
    wrongQuota: wrong,
  }
}

/** `mailStore` with the layer that compresses new bodies, where the zlib plugin is to, and decompresses all that are read. */
export function bodyStoreOf({ mail_plugins, zlib_save, zlib_save_level }: Pick<Settings, 'mail_plugins' | 'zlib_save' | 'zlib_save_level'>, mailStore: string): string {
  return mail_plugins.includes('zlib') && zlib_save !== '' ? `zlib:${zlib_save}:${zlib_save_level}:${mailStore}` : `zlib:::${mailStore}`
}
