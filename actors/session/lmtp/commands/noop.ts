// NOOP, with any argument. RFC 5321 §4.1.1.9.

import { command } from '../command.ts'

export default command({
  name: 'NOOP',
  parse() {},
  run(_, connection) {
    connection.reply('250 2.0.0 OK')
  },
})
