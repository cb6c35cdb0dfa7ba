// LOGOUT. RFC 3501 §6.1.3: BYE, then the tagged OK, then the end of the connection.

import { BreaksMailbox, command, ok } from '../command.ts'

export default command({
  name: 'LOGOUT', states: ['any'], flags: BreaksMailbox,
  parse: () => undefined,
  run(_, s) {
    s.unselect()
    s.send('BYE Logging out')
    s.logout()
    return ok('Logout completed.')
  },
})
