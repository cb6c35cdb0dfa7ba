// LHLO: LMTP's EHLO. RFC 2033 §4.1. SIZE: RFC 1870; PIPELINING: RFC 2920; CHUNKING: RFC 3030; 8BITMIME: RFC 6152.

import { limits } from '../../../../runtime/limits.ts'
import { command } from '../command.ts'
import { badCommand } from '../reply.ts'

const extensions = ['8BITMIME', 'CHUNKING', 'ENHANCEDSTATUSCODES', 'PIPELINING', `SIZE ${limits.messageBytes}`]

export default command({
  name: 'LHLO',
  parse(text) {
    if (!/^[^\s()<>\\;]{1,255}$/.test(text)) throw badCommand('501 5.5.4 Invalid or missing domain')
    return text
  },
  run(domain, connection) {
    connection.reset()
    connection.helo = domain
    const lines = [connection.hostname, ...extensions]
    for (const [n, line] of lines.entries()) connection.reply(`250${n < lines.length - 1 ? '-' : ' '}${line}`)
  },
})
