// What keywords a mailbox takes. Beyond the limits the change is refused as a whole.

import { Buffer } from 'node:buffer'
import type { Limits } from '../../runtime/limits.ts'
import { MailError } from './errors.ts'
import type { MailboxState } from './mailbox-state.ts'

/** Throws LIMIT where one of `names` is too long, or the mailbox has no room for those that are new. */
export function checkKeywords(state: MailboxState, names: readonly string[], limits: Pick<Limits, 'keywords' | 'keywordBytes'>): void {
  const fresh = new Set<string>()
  for (const name of names) {
    if (name === '' || Buffer.byteLength(name) > limits.keywordBytes) throw new MailError('LIMIT', `Keyword is too long: ${name.slice(0, 40)}…`)
    if (state.keywordNumber(name) < 0) fresh.add(name.toLowerCase())
  }
  if (state.keywords.length + fresh.size > limits.keywords) throw new MailError('LIMIT', `A mailbox has at most ${limits.keywords} keywords`)
}
