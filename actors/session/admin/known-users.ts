// Users who have local indexes here, whatever the user databases know.

import { isMask, matcher } from '../../../conf/mask.ts'
import type { ListedUser } from '../../metacache-messages.ts'
import type { SessionWorld } from '../types.ts'

/** The names in `words`, and the users with local indexes that its masks match. */
export async function knownUsers(words: readonly string[], { effects }: SessionWorld): Promise<ListedUser[]> {
  const listed = await effects.ask<ListedUser[]>('metacache', { kind: 'list' })
  const named = words.map(matcher)
  return listed.filter(({ user }) => named.some((matches) => matches(user)))
}

/** Those of `words` that are no masks, and of whom nothing is known to be here. */
export const unknownOf = (words: readonly string[], known: readonly ListedUser[]): string[] =>
  words.filter((word) => !isMask(word) && !known.some(({ user }) => user === word))
