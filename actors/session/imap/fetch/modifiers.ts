// FETCH's modifiers: `(CHANGEDSINCE 12345 VANISHED)`. RFC 4466 §2.4; RFC 7162 §3.1.4, §3.2.6.

import type { Parser } from '../grammar.ts'
import { Bad } from '../result.ts'
import type { ImapSession } from '../command.ts'
import type { NumberRange } from '../sequence-set.ts'
import type { View } from '../view.ts'

export interface FetchModifiers {
  /** Only messages that have changed after this modseq. */
  readonly changedSince?: number
  /** Tells also which UIDs of the set have been expunged since. */
  readonly vanished?: boolean
}

/** [SP "(" fetch-modifier *(SP fetch-modifier) ")"] */
export function parseModifiers(p: Parser): FetchModifiers {
  const modifiers: { changedSince?: number; vanished?: boolean } = {}
  if (!p.take(' (')) return modifiers
  do {
    const name = p.word('a modifier')
    if (name === 'CHANGEDSINCE') modifiers.changedSince = p.sp().modseq()
    else if (name === 'VANISHED') modifiers.vanished = true
    else p.fail('Unknown FETCH modifier')
  } while (p.take(' '))
  p.expect(')')
  return modifiers
}

/** VANISHED speaks in UIDs, to clients that know it, of what went since a modseq. */
export function checkModifiers({ changedSince, vanished }: FetchModifiers, s: ImapSession): void {
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
