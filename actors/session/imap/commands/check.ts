// CHECK. RFC 3501 §6.4.1: everything acknowledged is already kept, so that this is a NOOP.

import { BreaksSequences, ExpectsNews, command, ok } from '../command.ts'

export default command({
  name: 'CHECK', states: ['selected'], flags: BreaksSequences | ExpectsNews,
  parse: () => undefined,
  run: () => ok('Check completed.'),
})
