// UNAUTHENTICATE. RFC 8437: the client logs out and keeps its connection. Nothing of the session is left for who logs in next:
// another one begins, and compression ends (§4.1).

import { BreaksMailbox, WaitsForPipeline, command, ok } from '../command.ts'

export default command({
  name: 'UNAUTHENTICATE', capability: 'UNAUTHENTICATE', states: ['authenticated'], flags: BreaksMailbox | WaitsForPipeline,
  parse: () => undefined,
  run(_, s) {
    s.unselect()
    s.unauthenticate()
    return ok('Unauthenticate completed.')
  },
})
