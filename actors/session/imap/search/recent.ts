// RECENT, OLD (not recent) and NEW (recent and unseen). RFC 3501 §6.4.4. IMAP4rev2 has them no more: nothing is recent then.

import { Flag } from '../../../user/types.ts'
import { always, searchKey } from './key.ts'

export default searchKey({
  names: ['NEW', 'OLD', 'RECENT'],
  parse(_, name) {
    if (name === 'OLD') return always((m) => !m.view.isRecent(m.uid))
    if (name === 'RECENT') return always((m) => m.view.isRecent(m.uid))
    return always((m) => m.view.isRecent(m.uid) && (m.messages.flags[m.row]! & Flag.Seen) === 0)
  },
})
