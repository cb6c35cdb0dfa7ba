// imap_capability: what an operator has CAPABILITY say after login. A list replaces Culver's own; `+X -Y` is that with X, without Y.

import type { Settings } from '../../../conf/settings.ts'

/** Culver's own list as it is told. */
export function announced(own: readonly string[], { imap_capability }: Settings): string[] {
  const words = imap_capability.split(' ').filter((word) => word !== '')
  if (words.length === 0) return [...own]
  if (!/^[+-]/.test(words[0]!)) return words
  const without = new Set(words.filter((w) => w.startsWith('-')).map((w) => w.slice(1)))
  const added = words.filter((w) => w.startsWith('+')).map((w) => w.slice(1))
  return [...new Set([...own, ...added])].filter((c) => !without.has(c))
}

/** Whether one of Culver's own is still there. */
export const leavesIn = (capability: string, settings: Settings): boolean => announced([capability], settings).includes(capability)
