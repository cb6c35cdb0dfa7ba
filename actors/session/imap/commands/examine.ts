// EXAMINE. RFC 3501 §6.3.2: SELECT that changes nothing.

import { BreaksMailbox, command } from '../command.ts'
import { openMailbox } from '../open-mailbox.ts'
import { selectParameters } from '../select-parameters.ts'

export default command({
  name: 'EXAMINE', states: ['authenticated'], flags: BreaksMailbox,
  parse: (p) => selectParameters(p.sp()),
  log: ({ name }) => name,
  run: (parameters, s) => openMailbox(parameters, true, s),
})
