// DATA: the message, ended by CRLF.CRLF; then one reply for each recipient. RFC 5321 §4.1.1.4, RFC 2033 §4.2.

import { command } from '../command.ts'
import { badCommand, Refusal } from '../reply.ts'

export default command({
  name: 'DATA',
  parse(text) {
    if (text !== '') throw badCommand('501 5.5.4 Invalid parameters')
  },
  run(_, connection) {
    const { transaction } = connection
    if (transaction === undefined) throw new Refusal('503 5.5.1 MAIL needed first')
    if (transaction.recipients.length === 0) throw new Refusal('503 5.5.1 No valid recipients')
    if (transaction.intake !== undefined) throw new Refusal('503 5.5.1 DATA not allowed after BDAT')
    connection.reply('354 OK')
    connection.receiveData(transaction)
  },
})
