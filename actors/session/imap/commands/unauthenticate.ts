// UNAUTHENTICATE. RFC 8437: the client logs out and keeps its connection. Nothing of the session is left for who logs in next:
// another one begins, and compression ends (§4.1).
// Behind a proxy that only looks at the login it would be a way around what the proxy enforces (§8): where imap_capability leaves it out,
// it is not there.

import { leavesIn } from '../announced.ts'
import { BreaksMailbox, WaitsForPipeline, command, ok } from '../command.ts'

export default command({
  name: 'UNAUTHENTICATE', capability: 'UNAUTHENTICATE', offered: (settings) => leavesIn('UNAUTHENTICATE', settings), states: ['authenticated'], flags: BreaksMailbox | WaitsForPipeline,
  parse: () => undefined,
  run(_, s) {
    s.unselect()
    s.unauthenticate()
    return ok('Unauthenticate completed.')
  },
})
