// CAPABILITY. RFC 3501 §6.1.1.

import { command, ok } from '../command.ts'

export default command({
  name: 'CAPABILITY', states: ['any'], flags: 0,
  parse: () => undefined,
  run(_, s) {
    s.send(`CAPABILITY ${s.capability()}`)
    return ok(s.authenticated ? 'Capability completed' : 'Pre-login capabilities listed, post-login capabilities have more.')
  },
})
