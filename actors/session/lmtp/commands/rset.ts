// RSET: the transaction is given up. RFC 5321 §4.1.1.5.

import { command } from '../command.ts'
import { badCommand } from '../reply.ts'

export default command({
  name: 'RSET',
  parse(text) {
    if (text !== '') throw badCommand('501 5.5.4 Invalid parameters')
  },
  run(_, connection) {
    connection.reset()
    connection.reply('250 2.0.0 OK')
  },
})
