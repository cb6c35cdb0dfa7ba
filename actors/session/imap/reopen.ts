// How a selected mailbox that sleeps is had again, and how what happens in it is heard meanwhile. Its name may be another one by then.

import type { Cancel } from '../../../runtime/effects.ts'
import { Cancelled, LimitExceeded, TempFail } from '../../../runtime/errors.ts'
import { MailError } from '../../user/errors.ts'
import type { MailboxHandle } from '../../user/types.ts'
import type { ImapSession } from './command.ts'

/** The user, as far as a mailbox that sleeps needs it. */
export interface Opener {
  /** Opens the mailbox anew. MailError NONEXISTENT: it has been deleted; TempFail. */
  open(guid: string): Promise<MailboxHandle>
  /** Calls `listener` when something happens in the mailbox, or it is deleted; loads nothing. */
  watch(guid: string, listener: () => void): Cancel
}

export const openerFor = (s: ImapSession): Opener => ({
  open(guid) {
    const name = s.user.nameOf(guid)
    if (name === undefined) return Promise.reject(new MailError('NONEXISTENT', 'The mailbox was deleted'))
    return s.user.open(s.context('imap:wake'), name)
  },
  watch: (guid, listener) => s.user.watch((news) => {
    if (news.kind === 'messages' ? news.guid === guid : news.kind === 'deleted' && s.user.nameOf(guid) === undefined) listener()
  }),
})

/** Wakes a mailbox. Where it cannot be had again, the session is to leave, and why; Cancelled. */
export async function wakeOrLeave(mailbox: { wake(): Promise<void> }, leave: (why: string) => void): Promise<void> {
  try {
    await mailbox.wake()
  } catch (error) {
    if (error instanceof MailError) leave('Selected mailbox was deleted, have to disconnect.')
    else if (error instanceof TempFail || error instanceof LimitExceeded) leave('[UNAVAILABLE] The selected mailbox cannot be read now.')
    else throw error
    throw new Cancelled('the selected mailbox cannot be had')
  }
}
