// LHLO: LMTP's EHLO; what only trusted proxies may use is shown to them alone. RFC 2033 §4.1. SIZE: RFC 1870; PIPELINING: RFC 2920; CHUNKING: RFC 3030; 8BITMIME: RFC 6152; STARTTLS: RFC 3207.

import { limits } from '../../../../runtime/limits.ts'
import { command } from '../command.ts'
import type { LmtpConnection } from '../command.ts'
import { badCommand } from '../reply.ts'
import { attributes } from './xclient.ts'

const extensions = ['8BITMIME', 'CHUNKING', 'ENHANCEDSTATUSCODES', 'PIPELINING', `SIZE ${limits.messageBytes}`]

function forProxies({ world }: LmtpConnection): string[] {
  return world.seed.trusted ? [`XCLIENT ${attributes}`, 'XRCPTFORWARD'] : []
}

export default command({
  name: 'LHLO',
  parse(text) {
    if (!/^[^\s()<>\\;]{1,255}$/.test(text)) throw badCommand('501 5.5.4 Invalid or missing domain')
    return text
  },
  run(domain, connection) {
    connection.reset()
    connection.helo = domain
    const lines = [connection.hostname, ...extensions, ...(connection.world.seed.startTls === true ? ['STARTTLS'] : []), ...forProxies(connection)]
    for (const [n, line] of lines.entries()) connection.reply(`250${n < lines.length - 1 ? '-' : ' '}${line}`)
  },
})
