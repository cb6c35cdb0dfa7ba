// FETCH's modifiers: `(CHANGEDSINCE 12345 VANISHED)`, `(PARTIAL -1:-50)`. RFC 4466 §2.4; RFC 7162 §3.1.4, §3.2.6; RFC 9394 §3.3.

import type { Parser } from '../grammar.ts'
import { Bad } from '../result.ts'
import type { ImapSession } from '../command.ts'
import { partialRange } from '../search/returns/partial.ts'
import type { PartialRange } from '../search/returns/partial.ts'
import type { NumberRange } from '../sequence-set.ts'
import type { View } from '../view.ts'

export interface FetchModifiers {
  /** Only messages that have changed after this modseq. */
  readonly changedSince?: number
  /** Tells also which UIDs of the set have been expunged since. */
  readonly vanished?: boolean
  /** Only some of those that are left, by place. */
  readonly partial?: PartialRange
}

/** [SP "(" fetch-modifier *(SP fetch-modifier) ")"] */
export function parseModifiers(p: Parser): FetchModifiers {
  const modifiers: { -readonly [Name in keyof FetchModifiers]: FetchModifiers[Name] } = {}
  if (!p.take(' (')) return modifiers
  p.take(' ')
  do {
    const name = p.word('a modifier')
    if (name === 'CHANGEDSINCE') modifiers.changedSince = p.sp().modseq()
    else if (name === 'VANISHED') modifiers.vanished = true
    else if (name === 'PARTIAL') modifiers.partial = partialRange(p.sp())
    else p.fail('Unknown FETCH modifier')
  } while (p.more())
  p.expect(')')
  return modifiers
}

/** PARTIAL is for UIDs; VANISHED speaks in UIDs, to clients that know it, of what went since a modseq. */
export function checkModifiers({ changedSince, vanished, partial }: FetchModifiers, s: ImapSession): void {
  if (partial !== undefined && !s.running.uid) throw new Bad('Error in IMAP command FETCH: PARTIAL is for UID FETCH only.')
  if (!vanished) return
  if (!s.running.uid) throw new Bad('Error in IMAP command FETCH: VANISHED is for UID FETCH only.')
  if (!s.enabled.has('QRESYNC')) throw new Bad('Error in IMAP command UID FETCH: VANISHED used without enabling QRESYNC.')
  if (changedSince === undefined) throw new Bad('Error in IMAP command UID FETCH: VANISHED used without CHANGEDSINCE.')
}

/** Those of the messages that have changed after `modseq`. */
export function changedAfter(modseq: number, ranges: readonly NumberRange[], view: View): NumberRange[] {
  const { modseqs } = view.mailbox.messages
  const changed: { first: number; last: number }[] = []
  for (const { first, last } of ranges) {
    for (let seq = first; seq <= last; seq++) {
      const row = view.rowOf(seq)
      if (row < 0 || modseqs[row]! <= modseq) continue
      const open = changed.at(-1)
      if (open !== undefined && open.last + 1 === seq) open.last = seq
      else changed.push({ first: seq, last: seq })
    }
  }
  return changed
}

/** The messages at some places among all that the ranges hold. */
export function partOfRanges({ low, high, fromEnd }: PartialRange, ranges: readonly NumberRange[]): NumberRange[] {
  let total = 0
  for (const { first, last } of ranges) total += last - first + 1
  const from = fromEnd ? total - high : low - 1
  const to = fromEnd ? total - low + 1 : high
  const part: NumberRange[] = []
  let at = 0
  for (const { first, last } of ranges) {
    const start = Math.max(first, first + from - at)
    const end = Math.min(last, first + to - at - 1)
    if (start <= end) part.push({ first: start, last: end })
    at += last - first + 1
  }
  return part
}
