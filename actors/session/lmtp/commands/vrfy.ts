// VRFY: says neither yes nor no. RFC 5321 §3.5.3, §7.3.

import { command } from '../command.ts'
import { badCommand } from '../reply.ts'

export default command({
  name: 'VRFY',
  parse(text) {
    if (text === '') throw badCommand('501 5.5.4 Missing parameter')
  },
  run(_, connection) {
    connection.reply('252 2.3.3 Try RCPT instead')
  },
})
