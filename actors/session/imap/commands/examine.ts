// EXAMINE. RFC 3501 §6.3.2: SELECT that changes nothing.

import { BreaksMailbox, command } from '../command.ts'
import { openMailbox } from '../open-mailbox.ts'

export default command({
  name: 'EXAMINE', states: ['authenticated'], flags: BreaksMailbox,
  parse: (p) => p.sp().mailbox(),
  log: (name) => name,
  run: (name, s) => openMailbox(name, true, s),
})
