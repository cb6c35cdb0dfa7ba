// Where a delivery goes: INBOX, or (lmtp_save_to_detail_mailbox) the mailbox that the address names behind its delimiter; one that
// is not there yet is created (lda_mailbox_autocreate) and subscribed to (lda_mailbox_autosubscribe).

import type { RequestContext } from '../../runtime/effects.ts'
import { MailError } from './errors.ts'
import type { Policy } from './policy.ts'
import type { Delivery, User } from './types.ts'

/** The name of the mailbox. Rejects with TempFail where one cannot be created now. */
export async function deliveryMailbox(user: Pick<User, 'find' | 'create' | 'subscribe'>, policy: Policy, context: RequestContext, { detail }: Delivery): Promise<string> {
  if (!policy.saveToDetail || detail === undefined || detail === '') return 'INBOX'
  const known = user.find(detail)
  if (known?.guid !== undefined) return known.name
  if (!policy.autocreate) return 'INBOX'
  try {
    const { name } = await user.create(context, detail)
    if (policy.autosubscribe) await user.subscribe(context, name)
    return name
  } catch (error) {
    // A detail that is no mailbox name, or was created by another delivery just now.
    if (error instanceof MailError) return user.find(detail)?.guid === undefined ? 'INBOX' : detail
    throw error
  }
}
