// BDAT: a piece of the message, counted in bytes; after the last one a reply for each recipient. RFC 3030 §2, RFC 2033.
// The bytes follow without waiting, so that they are read whatever is wrong with the command.

import { command } from '../command.ts'
import { Refusal } from '../reply.ts'

const form = /^([0-9]{1,15})( +LAST)?$/i

export default command({
  name: 'BDAT',
  parse(text) {
    const found = form.exec(text)
    // Nobody knows how many bytes of message follow: they must not be taken for commands.
    if (found === null) throw new Refusal('501 5.5.4 Invalid chunk size', { close: 'Invalid chunk size' })
    return { size: Number(found[1]), last: found[2] !== undefined }
  },
  run(chunk, connection) {
    const { transaction } = connection
    if (transaction === undefined) return connection.receiveChunk({ ...chunk, refusal: '503 5.5.1 MAIL needed first' })
    if (transaction.recipients.length === 0) return connection.receiveChunk({ ...chunk, refusal: '503 5.5.1 No valid recipients' })
    connection.receiveChunk({ ...chunk, transaction })
  },
})
