// QUIT. RFC 5321 §4.1.1.10.

import { command } from '../command.ts'
import { badCommand } from '../reply.ts'

export default command({
  name: 'QUIT',
  parse(text) {
    if (text !== '') throw badCommand('501 5.5.4 Invalid parameters')
  },
  run(_, connection) {
    connection.reply('221 2.0.0 Bye')
    connection.close('Logged out')
  },
})
