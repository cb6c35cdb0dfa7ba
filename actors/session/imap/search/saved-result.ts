// `$`: what the last SEARCH or SORT with RETURN (SAVE) has found. RFC 5182. It is kept in the view as UIDs, so that it ends with
// the selected mailbox and does not mind expunges.

import type { ImapSession } from '../command.ts'
import { Bad } from '../result.ts'
import type { View } from '../view.ts'
import { asksFor, resultsToSave } from './return-options.ts'
import type { ReturnOptions } from './return-options.ts'

/** Keeps `results` (sequence numbers) as far as the options say so. */
export function saveResults(options: ReturnOptions, results: readonly number[], view: View): void {
  if (options === undefined || !asksFor(options, 'SAVE')) return
  view.saved = Uint32Array.from(resultsToSave(options, results), (seq) => view.uidAt(seq)).sort()
}

/** A command with SAVE that is refused leaves `$` empty; one that is BAD leaves it as it was (RFC 5182 §2.1). */
export async function savingOrNothing<T>(options: ReturnOptions, s: ImapSession, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (asksFor(options, 'SAVE') && !(error instanceof Bad)) s.selected.view.saved = new Uint32Array()
    throw error
  }
}
