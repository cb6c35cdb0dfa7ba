// Ranges of UIDs against sets of them, and up to where a client can miss nothing (RFC 7162 §3.2.5.2).

import t from 'tap'
import { intactUid, selectParameters } from '../../../actors/session/imap/select-parameters.ts'
import { Parser } from '../../../actors/session/imap/grammar.ts'
import { common, without } from '../../../actors/session/imap/uid-ranges.ts'
import { SequenceSet } from '../../../actors/session/imap/sequence-set.ts'
import { View } from '../../../actors/session/imap/view.ts'
import { Buffer } from 'node:buffer'
import { ModelMailbox } from '../../fixtures/model-mailbox.ts'

const numbers = (bits: number): number[] => Array.from({ length: 8 }, (_, n) => n + 1).filter((n) => bits & (1 << (n - 1)))
const ranges = (bits: number) => SequenceSet.of(numbers(bits)).ranges

t.test('what two have in common, and what is left', async (t) => {
  for (let a = 0; a < 256; a += 5) {
    for (let b = 0; b < 256; b += 3) {
      const list = { uids: Uint32Array.from(numbers(b)), count: numbers(b).length }
      t.same([common(ranges(a), ranges(b)), without(ranges(a), list)], [ranges(a & b), ranges(a & ~b)])
    }
  }
})

const matchOf = (text: string) => selectParameters(new Parser(Buffer.from(`INBOX (QRESYNC (1 1 ${text}))`))).qresync!.match

t.test('up to where nothing is missing', async (t) => {
  const mailbox = new ModelMailbox()
  mailbox.add(8)
  mailbox.remove([3, 6])
  const view = new View(mailbox, { readOnly: true })
  // The numbers are 1 2 4 5 7 8 now.
  t.equal(intactUid(undefined, view), 0)
  t.equal(intactUid(matchOf('(1:8 1:8)'), view), 2)
  t.equal(intactUid(matchOf('(2,4,8 2,4,8)'), view), 2)
  t.equal(intactUid(matchOf('(4 4)'), view), 0)
  t.equal(intactUid(matchOf('(1:4,6 1:2,4:5,8)'), view), 8)
  t.equal(intactUid(matchOf('(5:9 7:11)'), view), 8)
  t.equal(intactUid(matchOf('(1:4294967295 1:4294967295)'), view), 2, 'what is not there is not looked at')
})
