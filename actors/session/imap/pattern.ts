// LIST and LSUB patterns. RFC 3501 §6.3.8: `*` matches anything, `%` anything but the hierarchy separator.
// Matching is linear in pattern × name (no backtracking), so that no pattern can hold the thread.

import { limits } from '../../../runtime/limits.ts'
import { Bad } from './command.ts'

/** Whether `name`, with this separator, matches. */
export type Matcher = (name: string, separator: string) => boolean

/** reference + pattern → matcher. INBOX matches in any letter case (RFC 3501 §5.1). */
export function compilePattern(pattern: string): Matcher {
  const shortened = pattern.replace(/[*%]*\*[*%]*/g, '*').replace(/%+/g, '%').replace(/^inbox(?=$|[^A-Za-z0-9])/i, 'INBOX')
  const wildcards = shortened.match(/[*%]/g)?.length ?? 0
  if (wildcards > limits.patternWildcards) throw new Bad('Too many wildcards in the pattern.')
  if (shortened === '*') return () => true
  if (wildcards === 0) return (name) => name === shortened
  const upper = shortened.toUpperCase()
  return (name, separator) => matches(shortened, name, separator) || (name === 'INBOX' && matches(upper, name, separator))
}

/** Walks the name with the set of places in the pattern that may come next. */
function matches(pattern: string, name: string, separator: string): boolean {
  let places = withSkips(pattern, new Set([0]))
  for (const char of name) {
    const next = new Set<number>()
    for (const at of places) {
      const wanted = pattern[at]
      if (wanted === '*' || (wanted === '%' && char !== separator)) next.add(at)
      else if (wanted === undefined) continue
      else if (pattern.startsWith(char, at)) next.add(at + char.length)
    }
    if (next.size === 0) return false
    places = withSkips(pattern, next)
  }
  return places.has(pattern.length)
}

/** A wildcard may stand for nothing. */
function withSkips(pattern: string, places: Set<number>): Set<number> {
  // Places added while iterating are visited too.
  for (const at of places) if (pattern[at] === '*' || pattern[at] === '%') places.add(at + 1)
  return places
}
