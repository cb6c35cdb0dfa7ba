// Sorting in steps equals sorting at once; base subjects equal those of the RFC's steps taken literally.

import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { baseSubject } from '../../../actors/mail/base-subject.ts'
import { mergeSort } from '../../../actors/mail/merge-sort.ts'

t.test('mergeSort', async (t) => {
  fc.assert(fc.property(fc.array(fc.nat(50), { maxLength: 3000, size: 'max' }), (values) => {
    const steps = mergeSort(values.length, (a, b) => values[a]! - values[b]!)
    let step = steps.next()
    while (!step.done) step = steps.next()
    const expected = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value || a.index - b.index)
    return isDeepStrictEqual([...step.value], expected.map(({ index }) => index))
  }), { numRuns: 60 })
  t.pass('in the order of a plain sort')
})

const blob = String.raw`\[[^[\]]*\] *`

/** RFC 5256 §2.1, one step after another. */
function slowBaseSubject(text: string): string {
  for (;;) {
    while (/(\(fwd\)| )$/i.test(text)) text = text.replace(/(\(fwd\)| )$/i, '')
    for (;;) {
      const before = text
      text = text.replace(new RegExp(`^(?:(?:${blob})*(?:re|fwd?) *(?:${blob})?:| )`, 'i'), '')
      if (text !== before) continue
      const without = text.replace(new RegExp(`^${blob}`), '')
      if (without !== '') text = without
      if (text === before) break
    }
    const inner = /^\[fwd:(.*)\]$/i.exec(text)
    if (!inner) return text
    text = inner[1]!
  }
}

t.test('base subjects', async (t) => {
  const piece = fc.constantFrom('Re', 'fw', 'Fwd', ':', ' ', '[', ']', '[a]', '[Fwd:', '(fwd)', 'x', 're: ')
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
    const subject = pieces.join('').replace(/ +/g, ' ')
    return baseSubject(subject).base === slowBaseSubject(subject)
  }), { numRuns: 5000 })
  t.pass('as the steps say')
})
