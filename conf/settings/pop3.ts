// POP3.

import { bool, choice, listOf, text } from '../setting.ts'

export const pop3Settings = {
  pop3_client_workarounds: listOf(['outlook-no-nuls', 'oe-ns-eoh'], '', 'Workarounds for clients: outlook-no-nuls, oe-ns-eoh.'),
  pop3_delete_type: choice(['default', 'expunge', 'flag'], 'default', 'What DELE does.'),
  pop3_deleted_flag: text('', 'Flag that DELE sets.'),
  pop3_enable_last: bool(false, 'Offer LAST.'),
  pop3_fast_size_lookups: bool(false, 'Sizes may be those in the store.'),
  pop3_lock_session: bool(false, 'One session of a user at a time.'),
  pop3_logout_format: text('top=%t/%p, retr=%r/%b, del=%d/%m, size=%s', 'Figures of the logout line.'),
  pop3_no_flag_updates: bool(false, 'RETR does not set \\Seen.'),
  pop3_reuse_xuidl: bool(false, 'Take a UIDL from the X-UIDL header.'),
  pop3_save_uidl: bool(false, 'Keep UIDLs as they were first told.'),
  pop3_uidl_duplicates: choice(['allow', 'rename'], 'allow', 'What becomes of equal UIDLs.'),
  pop3_uidl_format: text('%08Xu%08Xv', 'Form of UIDLs: %v UIDVALIDITY, %u UID, %g GUID.'),
} as const
