// A FETCH over many messages. RFC 3501 §6.4.5.
//
// - Items that need the columns alone are text over typed arrays: no promise, no request, turns of a few milliseconds.
// - Otherwise messages are prepared ahead, mail_prefetch_count of them at a time, and sent in order. Bodies too long for memory
//   are read when it is their turn.
// - A message that cannot be read costs its own answer only; the tagged reply says so (imap_fetch_failure).

import type { RequestContext } from '../../../../runtime/effects.ts'
import { Cancelled, LimitExceeded, TempFail, messageOf } from '../../../../runtime/errors.ts'
import { limits } from '../../../../runtime/limits.ts'
import type { SummaryHead } from '../../../mail/types.ts'
import { MailError } from '../../../user/errors.ts'
import { ahead } from '../ahead.ts'
import { AnswerBytes } from '../answer-bytes.ts'
import type { ImapSession } from '../command.ts'
import { speaksUidsOnly } from '../revision.ts'
import type { NumberRange } from '../sequence-set.ts'
import { Turn } from '../turn.ts'
import type { Wanted } from './attributes.ts'
import { Message, bytesOf, isUnreadable, prepare, writeFromHead } from './message.ts'
import type { Prepared } from './message.ts'
import { BrokenLiteral, sendPrepared } from './stream.ts'

/** What has become of the messages asked for. */
export interface FetchOutcome {
  /** UIDs whose answer was sent. Kept only where `track` was asked. */
  readonly sent: number[]
  /** Some have been expunged by another session. */
  expunged: boolean
  /** Some could not be read now, and may be later. */
  unavailable: boolean
  /** Some cannot be read: their object is missing or damaged. */
  unreadable: boolean
}

const nothingYet = (): FetchOutcome => ({ sent: [], expunged: false, unavailable: false, unreadable: false })

/** Answers from the columns alone. */
export async function fetchColumns(wanted: readonly Wanted[], ranges: readonly NumberRange[], s: ImapSession): Promise<FetchOutcome> {
  const outcome = nothingYet()
  const { view } = s.selected
  const turn = new Turn(s.effects)
  const m = new Message(view, s.context('imap:fetch'), 1, speaksUidsOnly(s))
  let text = ''
  for (const { first, last } of ranges) {
    for (let seq = first; seq <= last; seq++) {
      if (view.rowOf(seq) < 0) {
        outcome.expunged = true
        continue
      }
      m.at(seq)
      text += columnsLine(wanted, m)
      if (text.length < limits.fetchTextBytes) continue
      s.selected.keywords()
      s.write(text)
      text = ''
      await s.flush()
      if (turn.over) await turn.rest()
    }
  }
  s.selected.keywords()
  if (text !== '') s.write(text)
  return outcome
}

function columnsLine(wanted: readonly Wanted[], m: Message): string {
  let line = m.head
  for (let i = 0; i < wanted.length; i++) {
    const { item, args } = wanted[i]!
    if (item.needs === 'columns') line += i === 0 ? item.write(args, m) : ` ${item.write(args, m)}`
  }
  return `${line})\r\n`
}

/** Answers from summaries and bytes. `track`: keep the UIDs sent, for \Seen. */
export async function fetchMessages(
  wanted: readonly Wanted[], ranges: readonly NumberRange[], s: ImapSession, track: boolean,
): Promise<FetchOutcome> {
  const outcome = nothingYet()
  const bodies = wanted.some(({ item, args }) => item.needs === 'bytes' && !item.headerOnly(args))
  const context = s.context(bodies ? 'imap:fetch_body' : 'imap:fetch')
  const turn = new Turn(s.effects)
  /** False: the rest is not to be sent. */
  const send = async (ready: Prepared | Unprepared): Promise<boolean> => {
    try {
      if ('error' in ready) throw ready.error
      await sendPrepared(ready, s, context)
      if (track) outcome.sent.push(ready.uid)
      tally(ready, bodies ? 'body' : 'hdr', s)
    } catch (error) {
      note(error, ready, outcome, s)
    }
    if (outcome.unreadable && s.settings.imap_fetch_failure === 'disconnect-immediately') return false
    await s.flush()
    if (turn.over) await turn.rest()
    return true
  }
  if (count(ranges) >= manyMessages && wanted.every(fromHead)) await sendFromHeads(wanted, ranges, s, context, send, track ? outcome.sent : undefined)
  else for await (const ready of preparedAhead(wanted, ranges, s, context)) if (!await send(ready)) break
  return outcome
}

/** For imap_logout_format. What is answered from summaries alone is neither. */
function tally({ pieces }: Prepared, kind: 'hdr' | 'body', { counters }: ImapSession): void {
  let bytes = 0
  for (const piece of pieces) bytes += bytesOf(piece)
  if (bytes === 0) return
  counters[`fetch_${kind}_count`]++
  counters[`fetch_${kind}_bytes`] += bytes
}

/** A message that could not be prepared. */
interface Unprepared { readonly seq: number; readonly uid: number; readonly error: unknown }

/** The messages in order, some of them prepared ahead: at most mail_prefetch_count, and limits.fetchAheadBytes. */
async function* preparedAhead(
  wanted: readonly Wanted[], ranges: readonly NumberRange[], s: ImapSession, context: RequestContext,
): AsyncGenerator<Prepared | Unprepared> {
  const { view } = s.selected
  const uidOnly = speaksUidsOnly(s)
  let bytes = 0
  const work = async (seq: number): Promise<{ ready: Prepared | Unprepared; size: number }> => {
    const m = new Message(view, context, seq, uidOnly)
    const size = Math.min(view.mailbox.messages.sizes[view.rowOf(seq)] ?? 0, limits.memoryBodyBytes)
    bytes += size
    const failed = (error: unknown): Unprepared => ({ seq, uid: m.uid, error })
    return { ready: await prepare(wanted, m, context).catch(failed), size }
  }
  const mayBegin = (): boolean => bytes < limits.fetchAheadBytes
  for await (const { ready, size } of ahead(numbersOf(ranges), s.settings.mail_prefetch_count, work, mayBegin)) {
    yield ready
    bytes -= size
  }
}

function* numbersOf(ranges: readonly NumberRange[]): Generator<number, undefined> {
  for (const { first, last } of ranges) for (let seq = first; seq <= last; seq++) yield seq
}

/** From so many on their heads are read together rather than the summary of each. */
const manyMessages = 16

const count = (ranges: readonly NumberRange[]): number => ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)

/** Whether heads of summaries mostly tell this item. */
const fromHead = ({ item, args }: Wanted): boolean => item.needs === 'columns' || item.head?.enough(args) === true

/**
 * Answers in order, from what the message cache has in large pieces; one that it lacks something of is prepared by itself, and sent by
 * `send`. UIDs of the others are added to `sent`.
 */
async function sendFromHeads(
  wanted: readonly Wanted[], ranges: readonly NumberRange[], s: ImapSession, context: RequestContext, send: (ready: Prepared | Unprepared) => Promise<boolean>, sent: number[] | undefined,
): Promise<void> {
  const { view } = s.selected
  const numbers = Uint32Array.from(numbersOf(ranges))
  const m = new Message(view, context, 1, speaksUidsOnly(s))
  const answers = new AnswerBytes(2 * limits.fetchTextBytes)
  const turn = new Turn(s.effects)
  let at = 0
  for await (const batch of view.mailbox.heads(context, numbers.map((seq) => view.uidAt(seq)))) {
    for (const { uid, head } of batch) {
      m.at(numbers[at++]!)
      const told = head !== undefined && view.rowOf(m.seq) >= 0 && writeCounted(wanted, m, head, answers, s)
      if (told) sent?.push(uid)
      if (told && answers.length < limits.fetchTextBytes) continue
      sendAnswers(answers, s)
      const seq = m.seq
      if (!told && !await send(await prepare(wanted, m, context).catch((error: unknown): Unprepared => ({ seq, uid, error })))) return
      await s.flush()
      if (turn.over) await turn.rest()
    }
  }
  sendAnswers(answers, s)
}

function sendAnswers(answers: AnswerBytes, s: ImapSession): void {
  if (answers.length === 0) return
  s.selected.keywords()
  s.write(answers.take())
}

function writeCounted(wanted: readonly Wanted[], m: Message, head: SummaryHead, answers: AnswerBytes, { counters }: ImapSession): boolean {
  const before = answers.literalBytes
  const told = writeFromHead(wanted, m, head, answers)
  if (answers.literalBytes === before) return told
  counters.fetch_hdr_count++
  counters.fetch_hdr_bytes += answers.literalBytes - before
  return told
}

/** Notes a message's failure; throws what is none of a message's. */
function note(error: unknown, { seq, uid }: { seq: number; uid: number }, outcome: FetchOutcome, s: ImapSession): void {
  if (error instanceof BrokenLiteral) {
    if (!(error.cause instanceof Cancelled)) warn(s, uid, `${error.message}; the connection is closed in the middle of the message`)
    s.abort()
  }
  if (error instanceof Cancelled) throw error
  if (s.selected.view.rowOf(seq) < 0 || (error instanceof MailError && error.code === 'EXPUNGEISSUED')) {
    outcome.expunged = true
  } else if (error instanceof TempFail || error instanceof LimitExceeded) {
    outcome.unavailable = true
    warn(s, uid, messageOf(error))
  } else if (isUnreadable(error)) {
    outcome.unreadable = true
    warn(s, uid, messageOf(error))
  } else {
    throw error
  }
}

function warn(s: ImapSession, uid: number, text: string): void {
  const { user, id } = { user: s.user.account.user, id: s.world.seed.id }
  s.effects.emit({
    level: 'error', name: 'imap.fetch_failed', service: 'imap', user, session: id,
    text: `Mailbox ${s.selected.mailbox.name}: UID ${uid}: ${text}`,
  })
}
