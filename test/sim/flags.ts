// Flags by name, as the simulator's clients and its model speak of them.

import { Flag } from '../../actors/user/types.ts'
import type { FlagSet } from '../../actors/user/types.ts'

const bits: Record<string, number> = {
  '\\Seen': Flag.Seen, '\\Answered': Flag.Answered, '\\Flagged': Flag.Flagged, '\\Deleted': Flag.Deleted, '\\Draft': Flag.Draft,
}

export function flagSet(flags: ReadonlySet<string>): FlagSet {
  let system = 0
  const keywords: string[] = []
  for (const flag of flags) {
    const bit = bits[flag]
    if (bit === undefined) keywords.push(flag)
    else system |= bit
  }
  return { system, keywords }
}

/** The flags of a row, spelt as in `flagNames`. */
export function flagsOf(system: number, keywords: string[]): Set<string> {
  return new Set([...Object.keys(bits).filter((flag) => (system & (bits[flag] as number)) !== 0), ...keywords])
}
