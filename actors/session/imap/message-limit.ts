// How many messages one command may work on: MESSAGELIMIT, SAVELIMIT. RFC 9738. Only where the settings say so (culver_imap_message_limit,
// culver_imap_save_limit).
//
// - FETCH, STORE, MOVE, SEARCH, SORT and UID EXPUNGE take the newest ones, and say down to which UID they got; the client asks again for
//   the UIDs below. A SEARCH is bounded by what it finds, not by what it looks at: clients that know nothing of limits count by it (§4.1).
// - COPY and APPEND take all or none, and so do THREAD, which is nothing without its other half (§3.3), and UID FETCH of a PARTIAL that is
//   too long. COPY is told down to which UID it might have asked. EXPUNGE, CLOSE and STATUS know no limit (§3.1).

import type { Settings } from '../../../conf/settings.ts'
import type { ImapSession } from './command.ts'
import { No } from './result.ts'
import type { Ok } from './result.ts'
import type { NumberRange } from './sequence-set.ts'

/** What CAPABILITY says of them: SAVELIMIT means that nothing else is bounded. */
export function limitCapabilities({ culver_imap_message_limit: all, culver_imap_save_limit: saved }: Settings): string[] {
  return all > 0 ? [`MESSAGELIMIT=${all}`] : saved > 0 ? [`SAVELIMIT=${saved}`] : []
}

/** 0 in the settings: no limit. */
const bound = (limit: number): number => (limit > 0 ? limit : Infinity)

/** Messages that COPY and APPEND may save; Infinity: any number. */
const saveLimit = (s: ImapSession): number => Math.min(bound(s.settings.culver_imap_message_limit), bound(s.settings.culver_imap_save_limit))

/** For APPEND. */
export function mustBeSavable(count: number, s: ImapSession): void {
  if (count > saveLimit(s)) throw tooMany(saveLimit(s))
}

/** For COPY of ascending UIDs. */
export function mustBeCopyable(uids: readonly number[], s: ImapSession): void {
  const limit = saveLimit(s)
  if (uids.length > limit) throw tooMany(limit, uids.at(-limit))
}

/** For THREAD, and for PARTIAL. */
export function mustBeWithin(count: number, s: ImapSession): void {
  const limit = bound(s.settings.culver_imap_message_limit)
  if (count > limit) throw tooMany(limit)
}

const tooMany = (limit: number, uid?: number): No => new No(`MESSAGELIMIT ${limit}${uid === undefined ? '' : ` ${uid}`}`, `At most ${limit} messages at once.`)

/** What a command works on, and the response code where that is not all. */
export interface Limited<Messages> { readonly kept: Messages; readonly code: string | undefined }

/** The newest of ascending UIDs. */
export function newestUids(uids: readonly number[], s: ImapSession): Limited<readonly number[]> {
  const limit = bound(s.settings.culver_imap_message_limit)
  if (uids.length <= limit) return { kept: uids, code: undefined }
  const kept = uids.slice(-limit)
  return { kept, code: `MESSAGELIMIT ${limit} ${kept[0]!}` }
}

/** The newest of ascending sequence numbers. */
export function newestNumbers(seqs: readonly number[], s: ImapSession): Limited<readonly number[]> {
  const limit = bound(s.settings.culver_imap_message_limit)
  if (seqs.length <= limit) return { kept: seqs, code: undefined }
  const kept = seqs.slice(-limit)
  return { kept, code: `MESSAGELIMIT ${limit} ${s.selected.view.uidAt(kept[0]!)}` }
}

/** The newest of ascending ranges of sequence numbers. */
export function newestRanges(ranges: readonly NumberRange[], s: ImapSession): Limited<readonly NumberRange[]> {
  const limit = bound(s.settings.culver_imap_message_limit)
  let room = limit
  for (let i = ranges.length - 1; i >= 0; i--) {
    const { first, last } = ranges[i]!
    if (last - first + 1 <= room) {
      room -= last - first + 1
      continue
    }
    const kept = [...room > 0 ? [{ first: last - room + 1, last }] : [], ...ranges.slice(i + 1)]
    return { kept, code: `MESSAGELIMIT ${limit} ${s.selected.view.uidAt(kept[0]!.first)}` }
  }
  return { kept: ranges, code: undefined }
}

/** The tagged OK of a command that has been cut short. A reply has room for one response code: another one stays, and this comes before it. */
export function cutShort(reply: Ok, code: string | undefined, s: ImapSession): Ok {
  if (code === undefined) return reply
  if (reply.code === undefined) return { ...reply, code }
  s.send(`NO [${code}] The other messages are left for the next command.`)
  return reply
}
