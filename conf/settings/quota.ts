// Plugin settings of the quota. Written in `plugin {}`.

import { acts, bool, size, text } from '../setting.ts'

export const quotaSettings = {
  quota: text('', 'Quota root: `count:User quota`.', { ...acts, numbered: true, perUser: true }),
  quota_rule: text('', 'Limit: `*:storage=1G`, `Trash:storage=+100M`. Told to clients, and not enforced yet.', { numbered: true, perUser: true }),
  quota_warning: text('', 'What is run when a limit is crossed: `storage=95%% quota-warning 95 %u`.', { numbered: true, perUser: true }),
  quota_grace: text('10%%', 'By how much a last mail may go over the limit.', { numbered: true, perUser: true }),
  quota_vsizes: bool(false, 'Count sizes with CRLF line ends: what is done anyway.', acts),
  quota_max_mail_size: size('0', 'Largest mail; 0: no bound.'),
  quota_exceeded_message: text('Quota exceeded (mailbox for user is full)', 'What the sender or client reads.'),
  quota_status_success: text('OK', 'Answer of quota-status below the limit.'),
  quota_status_nouser: text('REJECT Unknown user', 'Answer of quota-status for an unknown user.'),
  quota_status_overquota: text('554 5.2.2 Quota exceeded', 'Answer of quota-status over the limit.'),
  quota_status_toolarge: text('554 5.2.3 Mail too large', 'Answer of quota-status for a mail too large.'),
  quota_set: text('', 'Dictionary that SETQUOTA writes.', { perUser: true }),
  quota_clone_dict: text('', 'Dictionary to which usage is copied.', { perUser: true }),
  quota_clone_unset: bool(false, 'Unset the copy before setting it.'),
  quota_over_flag: text('', 'Field that says the user is over quota.', { perUser: true }),
  quota_over_flag_value: text('', 'Its value then.', { perUser: true }),
  quota_over_flag_lazy_check: bool(false, 'Check it only when the quota is looked at.'),
  quota_over_script: text('', 'What is run when the field is wrong.', { perUser: true }),
} as const
