// CLOSE. RFC 3501 §6.4.2: expunges silently, unless the mailbox was opened by EXAMINE, or may not be expunged. It is closed even where that fails.

import { BreaksMailbox, command, ok } from '../command.ts'
import { deletedUids } from '../deleted.ts'
import { has } from '../rights.ts'

export default command({
  name: 'CLOSE', states: ['selected'], flags: BreaksMailbox,
  parse: () => undefined,
  async run(_, s) {
    const { mailbox, readOnly } = s.selected
    try {
      const uids = readOnly || !has('e', mailbox.name, s) ? [] : deletedUids(mailbox.messages)
      if (uids.length > 0) s.counters.expunged += (await mailbox.expunge(s.context('imap:cmd_close'), uids)).length
    } finally {
      s.unselect()
    }
    return ok('Close completed.')
  },
})
