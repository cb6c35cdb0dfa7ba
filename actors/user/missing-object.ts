// What happens where a mail's object is not in the store, though its row is here.
//
// - Where a former owner's deletions may have been on the wire, the row goes (second-look.ts).
// - With obox_autofix_storage the mailbox is listed; rows without an object there and for a HEAD are expunged. Objects are
//   never deleted by this.
// - With obox_fetch_lost_mails_as_empty, which may be one connection's own, it reads as nothing but empty lines, of the size that
//   clients know.
// - Else it is a temporary failure: the store may have it back.

import type { ByteRange, RequestContext } from '../../runtime/effects.ts'
import { ObjectNotFound, TempFail } from '../../runtime/errors.ts'
import { MailError } from './errors.ts'
import type { LoadedMailbox } from './mailbox.ts'
import { dropRows, missingUids } from './second-look.ts'
import type { ReadContext } from './types.ts'

/** What to tell of a failed read: `empty`, or the error. */
export async function missingObject(mailbox: LoadedMailbox, context: ReadContext, uid: number, error: unknown): Promise<'empty' | { error: unknown }> {
  if (!(error instanceof ObjectNotFound)) return { error }
  const { state, world, guid, name } = mailbox
  const { autofix, lostAsEmpty } = world.policy
  if (uid < (world.ownership.looking(guid)?.before ?? 0)) await dropRows(mailbox, context, [uid])
  else if (autofix && state.columns.rowOf(uid) >= 0) await fix(mailbox, context, uid)
  if (state.columns.rowOf(uid) < 0) return { error: new MailError('EXPUNGEISSUED', 'The message has been expunged') }
  world.effects.emit({ level: 'error', name: 'obox.mail_missing', user: world.user, text: `The object of UID ${uid} in ${name} is missing: ${error.key}` })
  return context.lostAsEmpty ?? lostAsEmpty ? 'empty' : { error: new TempFail(`the message's object is missing: ${error.key}`, { cause: error }) }
}

async function fix(mailbox: LoadedMailbox, context: RequestContext, uid: number): Promise<void> {
  const { state, world, guid, name } = mailbox
  const before = state.nextUid
  const { mails } = await world.obox.list(context, guid)
  const uids = new Set([...missingUids(state, mails, before), uid])
  const gone = await dropRows(mailbox, context, [...uids].sort((a, b) => a - b))
  if (gone > 0) world.effects.emit({ level: 'warning', name: 'obox.autofix', user: world.user, text: `${name}: ${gone} mails whose objects are gone are expunged (obox_autofix_storage)`, values: { expunged: gone } })
}

const [cr, lf, space] = [13, 10, 32]

/** Empty lines: the bytes in the range of a message of `size` bytes. */
export async function* emptyLines({ start, end = 0 }: ByteRange, size: number, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += pieceBytes) {
    const piece = new Uint8Array(Math.min(pieceBytes, end - at))
    for (let n = 0; n < piece.length; n++) piece[n] = (at + n) % 2 === 1 ? lf : at + n === size - 1 ? space : cr
    yield piece
  }
}
