// A SEARCH over a view: first all messages by their columns in turns of a few milliseconds, then those still undecided by what must
// be loaded, mail_prefetch_count of them at a time.

import { Cancelled, LimitExceeded, TempFail, messageOf } from '../../../../runtime/errors.ts'
import { MailError } from '../../../user/errors.ts'
import { ahead } from '../ahead.ts'
import type { ImapSession } from '../command.ts'
import { isUnreadable } from '../fetch/message.ts'
import { tellingProgress } from '../progress.ts'
import { Bad, No, ok } from '../result.ts'
import type { Ok } from '../result.ts'
import { mustSpeakUids } from '../revision.ts'
import { Turn } from '../turn.ts'
import type { View } from '../view.ts'
import type { Criterion, Matcher } from './key.ts'
import { Searched } from './message.ts'

/** What was found. */
export interface SearchOutcome {
  /** Sequence numbers, ascending. */
  found: number[]
  /** Some messages could not be searched now. */
  unavailable: boolean
  /** How many messages have been decided about. */
  decided: number
  /** Some messages have been expunged by others, which the client has not been told. */
  expunged: boolean
}

/** Messages between two looks at the clock. */
const strideOfColumns = 256

/** Through the selected mailbox, or another one. */
export function search(criterion: Criterion, s: ImapSession, view: View = s.selected.view): Promise<SearchOutcome> {
  const outcome: SearchOutcome = { found: [], unavailable: false, decided: 0, expunged: false }
  return tellingProgress(() => outcome.decided, view.count, s, () => searchAll(criterion, outcome, s, view))
}

async function searchAll(criterion: Criterion, outcome: SearchOutcome, s: ImapSession, view: View): Promise<SearchOutcome> {
  checkCharset(criterion, s)
  if (criterion.numbered) mustSpeakUids(s, s.running.name)
  if (criterion.modseq) s.enable('CONDSTORE')
  const matches = criterion.matcher(view, Math.floor(s.effects.clock.now() / 1000))
  const turn = new Turn(s.effects)
  const undecided: number[] = []
  const m = view.count > 0 ? new Searched(view, 1) : undefined
  for (let seq = 1; seq <= view.count; seq++) {
    m!.at(seq)
    const result = note(m!, matches, outcome)
    if (result === undefined) undecided.push(seq)
    if (seq % strideOfColumns === 0 && turn.over) await turn.rest()
  }
  if (undecided.length === 0) return outcome
  const left = await decideByHeads(undecided, matches, outcome, turn, s, view)
  await decide(left, matches, outcome, turn, s, view)
  outcome.found.sort((a, b) => a - b)
  return outcome
}

/** A client that has switched on UTF-8 says no other charset, and none where it need not (RFC 9755 §3). */
function checkCharset({ charset }: Criterion, s: ImapSession): void {
  if (charset === undefined || !s.enabled.has('UTF8=ACCEPT') || (charset.must && charset.name === 'UTF-8')) return
  throw new Bad(`Error in IMAP command ${s.running.name}: With UTF8=ACCEPT texts are in UTF-8.`)
}

/** Asks a message by what is at hand, and adds it to `outcome` if that decides. */
function note(m: Searched, matches: Matcher, outcome: SearchOutcome): boolean | undefined {
  const result = m.ask(matches)
  if (result) outcome.found.push(m.seq)
  else if (m.row < 0) outcome.expunged = true
  if (result !== undefined) outcome.decided++
  return result
}

/** How the command ends. The client hears of expunges by the UID form itself; by the other they make it look (RFC 5530). */
export function searchReply(text: string, { unavailable, expunged }: { unavailable: boolean; expunged: boolean }, s: ImapSession): Ok {
  if (unavailable) throw new No('UNAVAILABLE', 'Some messages cannot be read now, try again later')
  return expunged && !s.running.uid ? ok(text, 'EXPUNGEISSUED') : ok(text)
}

/** Adds those to `outcome` that match by what the message cache has; returns those still undecided. */
async function decideByHeads(
  undecided: readonly number[], matches: Matcher, outcome: SearchOutcome, turn: Turn, s: ImapSession, view: View,
): Promise<number[]> {
  const context = s.context('imap:search')
  const left: number[] = []
  const m = new Searched(view, undecided[0]!)
  let index = 0
  for await (const batch of view.mailbox.heads(context, uidsOf(undecided, view))) {
    for (const { head } of batch) {
      const seq = undecided[index++]!
      m.at(seq, head)
      if (note(m, matches, outcome) === undefined) left.push(seq)
    }
    if (turn.over) await turn.rest()
    if (context.signal?.aborted) throw new Cancelled()
  }
  return left
}

/** The UIDs of sequence numbers. */
export function uidsOf(seqs: ArrayLike<number>, view: View): Uint32Array {
  // Not by Uint32Array.from: of 100,000 messages that takes ten times as long.
  const uids = new Uint32Array(seqs.length)
  for (let i = 0; i < uids.length; i++) uids[i] = view.uidAt(seqs[i]!)
  return uids
}

/** Adds those that match, and what kept others from being searched. */
async function decide(undecided: readonly number[], matches: Matcher, outcome: SearchOutcome, turn: Turn, s: ImapSession, view: View): Promise<void> {
  const context = s.context('imap:search')
  const ask = async (seq: number): Promise<number> => {
    const m = new Searched(view, seq)
    try {
      if (await m.decide(matches, context)) return seq
      if (m.row < 0) outcome.expunged = true
    } catch (error) {
      if (failureOf(error, s, view, seq) === 'unavailable') outcome.unavailable = true
      else if (error instanceof MailError) outcome.expunged = true
    }
    return 0
  }
  for await (const seq of ahead(undecided.values(), s.settings.mail_prefetch_count, ask)) {
    outcome.decided++
    if (seq > 0) outcome.found.push(seq)
    if (turn.over) await turn.rest()
    if (context.signal?.aborted) throw new Cancelled()
  }
}

/** What a message's failure means for the whole: it is `lost` for ever, or `unavailable` now. Noted; rethrown if it is none of a message's. */
export function failureOf(error: unknown, s: ImapSession, view: View, seq: number): 'lost' | 'unavailable' {
  const unavailable = error instanceof TempFail || error instanceof LimitExceeded
  if (!unavailable && !isLost(error)) throw error
  if (!(error instanceof MailError)) warn(s, view, seq, messageOf(error))
  return unavailable ? 'unavailable' : 'lost'
}

/** A message that is gone or damaged matches nothing: it must not spoil the search through all the others. */
const isLost = (error: unknown): boolean => isUnreadable(error) || (error instanceof MailError && error.code === 'EXPUNGEISSUED')

function warn(s: ImapSession, view: View, seq: number, text: string): void {
  s.effects.emit({
    level: 'error', name: 'imap.search_failed', service: 'imap', user: s.user.account.user, session: s.world.seed.id,
    text: `Mailbox ${view.mailbox.name}: UID ${view.uidAt(seq)}: ${text}`,
  })
}
