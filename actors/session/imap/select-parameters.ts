// What SELECT and EXAMINE have behind the mailbox: `(CONDSTORE)`, `(QRESYNC (…))`. RFC 4466 §2.1; RFC 7162 §3.1.8, §3.2.5.

import type { Parser } from './grammar.ts'
import { Star } from './sequence-set.ts'
import type { NumberRange, SequenceSet } from './sequence-set.ts'
import type { View } from './view.ts'

/** What a client remembers of the mailbox. */
export interface Remembered {
  readonly uidValidity: number
  readonly modseq: number
  /** The UIDs it knows; undefined: whatever there was. */
  readonly uids: readonly NumberRange[] | undefined
  /** Some sequence numbers and the UIDs they had, each ascending: the n-th of the one belongs to the n-th of the other. */
  readonly match: { readonly seqs: readonly NumberRange[]; readonly uids: readonly NumberRange[] } | undefined
}

export interface SelectParameters { readonly name: string; readonly condstore: boolean; readonly qresync: Remembered | undefined }

/** mailbox [SP "(" select-param *(SP select-param) ")"] */
export function selectParameters(p: Parser): SelectParameters {
  const name = p.mailbox()
  let condstore = false
  let qresync: Remembered | undefined
  if (!p.take(' (')) return { name, condstore, qresync }
  p.take(' ')
  do {
    const parameter = p.word('a parameter')
    if (parameter === 'CONDSTORE') condstore = true
    else if (parameter === 'QRESYNC') qresync = remembered(p.sp())
    else p.fail(`Unknown parameter ${parameter}`)
  } while (p.more())
  p.expect(')')
  return { name, condstore, qresync }
}

/** "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP "(" known-sequence-set SP known-uid-set ")"] ")" */
function remembered(p: Parser): Remembered {
  p.open()
  const uidValidity = p.nznumber('a UIDVALIDITY')
  const modseq = p.sp().modseq()
  let uids: readonly NumberRange[] | undefined
  let match: Remembered['match']
  if (p.take(' ')) {
    if (p.peek() !== '(') uids = knownNumbers(p)
    if (uids === undefined || p.take(' ')) {
      p.open()
      match = { seqs: knownNumbers(p), uids: knownNumbers(p.sp()) }
      p.close()
      if (countOf(match.seqs) !== countOf(match.uids)) p.fail('Message numbers and UIDs are not equally many')
    }
  }
  p.close()
  return { uidValidity, modseq, uids, match }
}

/** A sequence-set without `*` and `$`: the client names what it knows. */
function knownNumbers(p: Parser): readonly NumberRange[] {
  if (p.peek() === '$') p.fail('Expected numbers')
  const set: SequenceSet = p.sequenceSet()
  if (set.ranges.some(({ first, last }) => first === Star || last === Star)) p.fail('\'*\' is not allowed here')
  return set.resolve(0)
}

const countOf = (ranges: readonly NumberRange[]): number => ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)

/**
 * The UID up to which the client misses no message: where a sequence number has the UID that it had, as many messages are
 * before it as were, and they can only be the same. 0 if it may miss any.
 */
export function intactUid(match: Remembered['match'], view: View): number {
  if (match === undefined) return 0
  let intact = 0
  let at = 0
  let uid = match.uids[0]!.first
  for (const { first, last } of match.seqs) {
    for (let seq = first; seq <= Math.min(last, view.count); seq++) {
      if (view.uidAt(seq) === uid) intact = uid
      uid = uid < match.uids[at]!.last ? uid + 1 : match.uids[++at]?.first ?? 0
    }
  }
  return intact
}
