// NOOP. RFC 3501 §6.1.2: the client asks for news, which the machine tells after any command.

import { BreaksSequences, command, ok } from '../command.ts'

export default command({
  name: 'NOOP', states: ['any'], flags: BreaksSequences,
  parse: () => undefined,
  run: () => ok('NOOP completed.'),
})
