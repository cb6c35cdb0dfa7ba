// STARTTLS. RFC 3501 §6.2.1: behind the tagged OK the connection is under TLS. What the client has sent behind the command is lost:
// it came from whoever can write to the connection.

import { WaitsForPipeline, command, ok } from '../command.ts'

export default command({
  name: 'STARTTLS', capability: 'STARTTLS', states: ['notauthenticated'], flags: WaitsForPipeline,
  offered: (_, seed) => seed.startTls === true,
  parse: () => undefined,
  run(_, s) {
    s.startTls()
    return ok('Begin TLS negotiation now.')
  },
})
