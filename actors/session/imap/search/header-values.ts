// Header fields of many messages, for SORT and THREAD: from the message cache in large pieces, and from the messages themselves
// where that lacks them.

import type { RequestContext } from '../../../../runtime/effects.ts'
import { Cancelled } from '../../../../runtime/errors.ts'
import { firstValues } from '../../../mail/headers.ts'
import { coversFields } from '../../../mail/summary.ts'
import { ahead } from '../ahead.ts'
import type { ImapSession } from '../command.ts'
import { tellingProgress } from '../progress.ts'
import { No } from '../result.ts'
import type { Turn } from '../turn.ts'
import { Searched } from './message.ts'
import { failureOf, uidsOf } from './run.ts'

/** Values of the fields asked for, in their order; of a repeated field the first. */
export type FieldValues = readonly (string | undefined)[]

/**
 * Gives `take` the fields `names` (lower case) of each of `seqs`, in no order. A message that is gone or damaged has none of them.
 * Returns true if some messages cannot be read now. No LIMIT if more than `maxReads` (0: no bound) must be opened.
 */
export function headerValues(
  seqs: readonly number[], names: readonly string[], s: ImapSession, turn: Turn, options: ReadOptions, take: (index: number, values: FieldValues) => void,
): Promise<boolean> {
  let taken = 0
  const counting = (index: number, values: FieldValues): void => {
    taken++
    take(index, values)
  }
  return tellingProgress(() => taken, seqs.length, s, () => readValues(seqs, names, s, turn, options, counting))
}

interface ReadOptions { readonly context: RequestContext; readonly maxReads: number }

async function readValues(
  seqs: readonly number[], names: readonly string[], s: ImapSession, turn: Turn, options: ReadOptions, take: (index: number, values: FieldValues) => void,
): Promise<boolean> {
  const { context, maxReads } = options
  const { view, mailbox } = s.selected
  const missing: number[] = []
  let index = 0
  for await (const batch of mailbox.heads(context, uidsOf(seqs, view))) {
    for (const { head } of batch) {
      if (head && coversFields(head, names)) take(index, firstValues(head.header, names))
      else missing.push(index)
      index++
    }
    if (turn.over) await turn.rest()
    if (context.signal?.aborted) throw new Cancelled()
  }
  if (maxReads > 0 && missing.length > maxReads) throw new No('LIMIT', 'Requested sort would have taken too long.')
  let unavailable = false
  const read = async (at: number): Promise<{ at: number; values: FieldValues }> => {
    try {
      return { at, values: firstValues(await new Searched(view, seqs[at]!).fields(names, context), names) }
    } catch (error) {
      if (failureOf(error, s, view, seqs[at]!) === 'unavailable') unavailable = true
      return { at, values: names.map(() => undefined) }
    }
  }
  for await (const { at, values } of ahead(missing.values(), s.settings.mail_prefetch_count, read)) {
    take(at, values)
    if (turn.over) await turn.rest()
    if (context.signal?.aborted) throw new Cancelled()
  }
  return unavailable
}
