// STARTTLS. RFC 3207: behind the 220 the connection is under TLS, and begins anew with LHLO. What has been sent behind the command
// is lost: it came from whoever can write to the connection.

import { command } from '../command.ts'
import { badCommand, Refusal } from '../reply.ts'

export default command({
  name: 'STARTTLS',
  parse(text, { world: { seed } }) {
    if (seed.tls !== undefined) throw badCommand('502 5.5.1 TLS is already active')
    if (seed.startTls === undefined) throw badCommand('502 5.5.1 TLS support is not enabled')
    if (text !== '') throw new Refusal('501 5.5.4 No parameters allowed')
  },
  run(_, connection) {
    connection.reply('220 2.0.0 Begin TLS negotiation now')
    connection.startTls()
  },
})
