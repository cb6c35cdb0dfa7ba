// UNSELECT. RFC 3691: CLOSE without expunging.

import { BreaksMailbox, command, ok } from '../command.ts'

export default command({
  name: 'UNSELECT', capability: 'UNSELECT', states: ['selected'], flags: BreaksMailbox,
  parse: () => undefined,
  run(_, s) {
    s.unselect()
    return ok('Unselect completed.')
  },
})
