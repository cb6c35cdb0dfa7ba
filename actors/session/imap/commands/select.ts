// SELECT. RFC 3501 §6.3.1.

import { BreaksMailbox, command } from '../command.ts'
import { openMailbox } from '../open-mailbox.ts'
import { selectParameters } from '../select-parameters.ts'

export default command({
  name: 'SELECT', states: ['authenticated'], flags: BreaksMailbox,
  parse: (p) => selectParameters(p.sp()),
  log: ({ name }) => name,
  run: (parameters, s) => openMailbox(parameters, false, s),
})
