// APPEND. RFC 3501 §6.3.11, with APPENDUID (RFC 4315 §3) and literals without waiting (RFC 7888).
// The message streams: it is in memory up to limits.memoryBodyBytes, and in mail_temp_dir beyond.

import type { Draft } from '../../../user/types.ts'
import { BreaksSequences, WaitsForPipeline, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { mailbox } from '../encode.ts'
import type { MessageArgument } from '../grammar.ts'
import { No } from '../result.ts'
import { MessageIntake } from '../../message-intake.ts'
import type { ReceivedMessage } from '../../message-intake.ts'

/** A client need not send what has nowhere to go. */
function mustExist(name: string, s: ImapSession): void {
  const info = s.user.find(name)
  if (info === undefined || info.guid === undefined || info.noSelect) throw new No('TRYCREATE', `Mailbox doesn't exist: ${name}`)
}

/** Takes in the message's literal. */
async function receive(message: MessageArgument, s: ImapSession): Promise<ReceivedMessage> {
  const intake = new MessageIntake(s.effects, { temporaryDirectory: s.settings.mail_temp_dir })
  try {
    for await (const piece of s.literal(message)) await intake.push(piece)
  } catch (error) {
    await intake.discard()
    throw error
  }
  return intake.finish()
}

export default command({
  name: 'APPEND', capability: 'UIDPLUS', states: ['authenticated'], flags: BreaksSequences | WaitsForPipeline,
  parse: (p) => ({ name: p.sp().mailbox(), message: p.sp().appendMessage() }),
  log: ({ name, message }) => `${mailbox(name)} {${message.size}}`,
  async run({ name, message }, s) {
    if (message.binary) throw new No('UNKNOWN-CTE', 'Binary literals are not supported.')
    if (message.size === 0) throw new No('', 'Can\'t save a zero byte message.')
    mustExist(name, s)
    const { body, summary, release } = await receive(message, s)
    const draft: Draft = { body, summary, flags: message.flags }
    if (message.internalDate !== undefined) draft.internalDate = message.internalDate
    try {
      const { uidValidity, uids } = await s.user.append(s.context('imap:cmd_append'), name, [draft])
      s.counters.appended++
      return ok('Append completed.', `APPENDUID ${uidValidity} ${uids[0]!}`)
    } finally {
      await release()
    }
  },
})
