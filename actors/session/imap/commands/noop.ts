// NOOP. RFC 3501 §6.1.2: the client asks for news, which the machine tells after any command.

import { BreaksSequences, ExpectsNews, command, ok } from '../command.ts'

export default command({
  name: 'NOOP', states: ['any'], flags: BreaksSequences | ExpectsNews,
  parse: () => undefined,
  run: () => ok('NOOP completed.'),
})
