// What SELECT and EXAMINE have in common. RFC 3501 §6.3.1, §6.3.2, §7.1.

import { Flag } from '../../user/types.ts'
import type { Messages } from '../../user/types.ts'
import { ok } from './command.ts'
import type { ImapSession } from './command.ts'
import type { Ok } from './result.ts'

/** Sequence number of the first message without \Seen, 0 if there is none. */
function firstUnseen({ flags, count }: Messages): number {
  for (let row = 0; row < count; row++) if ((flags[row]! & Flag.Seen) === 0) return row + 1
  return 0
}

/** Leaves the selected mailbox, whatever comes of the new one. */
export async function openMailbox(name: string, readOnly: boolean, s: ImapSession): Promise<Ok> {
  if (s.hasSelected) {
    s.unselect()
    s.send('OK [CLOSED] Previous mailbox closed.')
  }
  const { mailbox, view } = await s.select(name, readOnly)
  s.sendFlags()
  s.send(`${view.count} EXISTS`)
  s.send(`${view.recentCount} RECENT`)
  const unseen = firstUnseen(mailbox.messages)
  if (unseen > 0) s.send(`OK [UNSEEN ${unseen}] First unseen.`)
  s.send(`OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs valid`)
  s.send(`OK [UIDNEXT ${mailbox.uidNext}] Predicted next UID`)
  return ok(`${readOnly ? 'Examine' : 'Select'} completed.`, readOnly ? 'READ-ONLY' : 'READ-WRITE')
}
