// MAIL FROM: begins a transaction. RFC 5321 §4.1.1.2. SIZE: RFC 1870; BODY: RFC 6152.

import { limits } from '../../../../runtime/limits.ts'
import { command } from '../command.ts'
import { parsePath } from '../path.ts'
import { badCommand, Refusal } from '../reply.ts'

function checkParam(name: string, value: string): void {
  switch (name) {
    case 'SIZE':
      if (!/^[0-9]{1,20}$/.test(value)) throw badCommand('501 5.5.4 Invalid SIZE parameter')
      if (Number(value) > limits.messageBytes) throw new Refusal('552 5.3.4 Message size exceeds fixed limit')
      return
    case 'BODY':
      if (!/^(7BIT|8BITMIME)$/i.test(value)) throw badCommand('501 5.5.4 Invalid BODY parameter')
      return
    default:
      throw badCommand('555 5.5.4 Unsupported MAIL parameter')
  }
}

export default command({
  name: 'MAIL',
  parse(text, { world }) {
    const { path, params } = parsePath(text, { keyword: 'FROM', workarounds: world.settings.lmtp_client_workarounds })
    for (const [name, value] of params) checkParam(name, value)
    return path
  },
  run(from, connection) {
    const { settings, seed } = connection.world
    if (settings.ssl === 'required' && !seed.secured) throw new Refusal('530 5.7.0 TLS required')
    if (connection.helo === '') throw new Refusal('503 5.5.1 LHLO needed first')
    if (connection.transaction !== undefined) throw new Refusal('503 5.5.1 MAIL already given')
    connection.transaction = { from, recipients: [], relays: new Map() }
    connection.reply('250 2.1.0 OK')
  },
})
