// Threading the messages that a search has found. RFC 5256 §4.

import type { RequestContext } from '../../../../runtime/effects.ts'
import { limits } from '../../../../runtime/limits.ts'
import { baseSubject } from '../../../mail/base-subject.ts'
import { firstMessageId, messageIds } from '../../../mail/message-ids.ts'
import { orderedSubject } from '../../../mail/ordered-subject.ts'
import { collationKey, dateKey } from '../../../mail/sort-keys.ts'
import type { ThreadForest } from '../../../mail/thread-forest.ts'
import { Threads } from '../../../mail/threads.ts'
import type { ImapSession } from '../command.ts'
import { KeptResults } from '../kept-results.ts'
import { headerValues } from '../search/header-values.ts'
import { uidsOf } from '../search/run.ts'
import type { Turn } from '../turn.ts'

export const algorithms = ['ORDEREDSUBJECT', 'REFERENCES', 'REFS'] as const
export type Algorithm = typeof algorithms[number]

/** The threads; nodes below their `messages` are indexes of the numbers given. `unavailable`: some messages could not be read now. */
export interface ThreadOutcome { readonly forest: ThreadForest; readonly unavailable: boolean }

/** What all messages say, by index. */
class Gathered {
  readonly subjects: string[]
  readonly replies: Uint8Array
  readonly dates: Float64Array

  constructor(count: number) {
    this.subjects = new Array<string>(count).fill('')
    this.replies = new Uint8Array(count)
    this.dates = new Float64Array(count)
  }

  subject(index: number, value: string | undefined): void {
    if (value === undefined) return
    const { base, reply } = baseSubject(value)
    this.subjects[index] = collationKey(base)
    this.replies[index] = reply ? 1 : 0
  }
}

interface KeptThreads { readonly uids: Uint32Array; readonly forest: ThreadForest }
const kept = new KeptResults<KeptThreads>()

/** As often as the same messages are asked for, they are threaded once. */
export async function thread(algorithm: Algorithm, seqs: readonly number[], s: ImapSession, turn: Turn, context: RequestContext): Promise<ThreadOutcome> {
  const { view, mailbox } = s.selected
  const uids = uidsOf(seqs, view)
  const known = kept.get(mailbox, algorithm, s.effects.timers)
  if (known !== undefined && sameNumbers(known.uids, uids)) return { forest: known.forest, unavailable: false }
  const outcome = await threadAnew(algorithm, seqs, s, turn, context)
  const worth = !outcome.unavailable && seqs.length >= limits.keptResultMessages && seqs.length >= (known?.uids.length ?? 0) / 2
  if (worth) kept.put(mailbox, algorithm, { uids, forest: outcome.forest }, s.effects.timers)
  return outcome
}

const sameNumbers = (a: Uint32Array, b: Uint32Array): boolean => a.length === b.length && a.every((value, i) => value === b[i])

async function threadAnew(algorithm: Algorithm, seqs: readonly number[], s: ImapSession, turn: Turn, context: RequestContext): Promise<ThreadOutcome> {
  const gathered = new Gathered(seqs.length)
  const arrived = internalDates(seqs, s)
  const values = (names: readonly string[], take: (index: number, values: readonly (string | undefined)[]) => void): Promise<boolean> =>
    headerValues(seqs, names, s, turn, { context, maxReads: 0 }, take)
  if (algorithm === 'ORDEREDSUBJECT') {
    const unavailable = await values(['date', 'subject'], (index, [date, subject]) => {
      gathered.dates[index] = dateKey(date) ?? arrived[index]!
      gathered.subject(index, subject)
    })
    return { forest: await turn.run(orderedSubject(gathered.subjects, gathered.dates)), unavailable }
  }
  const threads = new Threads(seqs.length)
  const names = ['message-id', 'references', 'in-reply-to', 'date', ...(algorithm === 'REFERENCES' ? ['subject'] : [])]
  const unavailable = await values(names, (index, [messageId, references, inReplyTo, date, subject]) => {
    threads.put(index, {
      messageId: messageId === undefined ? undefined : firstMessageId(messageId),
      references: parentsOf(references, inReplyTo),
      date: dateKey(date) ?? arrived[index]!,
    })
    gathered.subject(index, subject)
  })
  const steps = algorithm === 'REFS' ? threads.refs() : threads.references(gathered.subjects, gathered.replies)
  return { forest: await turn.run(steps), unavailable }
}

/** References; without any the first Message-ID of In-Reply-To. RFC 5256 §2.2, §4 (1). */
function parentsOf(references: string | undefined, inReplyTo: string | undefined): readonly string[] {
  const ids = references === undefined ? [] : messageIds(references)
  if (ids.length > 0 || inReplyTo === undefined) return ids
  const parent = firstMessageId(inReplyTo)
  return parent === undefined ? [] : [parent]
}

/** A message that has gone has none. */
function internalDates(seqs: readonly number[], s: ImapSession): Float64Array {
  const { view, mailbox: { messages } } = s.selected
  const dates = new Float64Array(seqs.length)
  for (let i = 0; i < dates.length; i++) dates[i] = messages.internalDates[view.rowOf(seqs[i]!)] ?? 0
  return dates
}
