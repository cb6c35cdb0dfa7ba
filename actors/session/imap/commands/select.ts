// SELECT. RFC 3501 §6.3.1.

import { BreaksMailbox, command } from '../command.ts'
import { openMailbox } from '../open-mailbox.ts'

export default command({
  name: 'SELECT', states: ['authenticated'], flags: BreaksMailbox,
  parse: (p) => p.sp().mailbox(),
  log: (name) => name,
  run: (name, s) => openMailbox(name, false, s),
})
