// Threads as THREAD tells them: RFC 5256 §4 (its examples), §5.

import t from 'tap'
import { orderedSubject } from '../../../actors/mail/ordered-subject.ts'
import { GrownForest } from '../../../actors/mail/thread-forest.ts'
import { threadText } from '../../../actors/mail/thread-text.ts'
import { firstMessageId, messageIds } from '../../../actors/mail/message-ids.ts'

/** A tree by numbers; 'x' holds others together. */
type Tree = [number | 'x', ...Tree[]]

function told(roots: readonly Tree[]): string {
  const numbers: number[] = []
  const count = (tree: Tree): void => { if (tree[0] !== 'x') numbers.push(tree[0]); (tree.slice(1) as Tree[]).forEach(count) }
  roots.forEach(count)
  const forest = new GrownForest(numbers.length)
  const add = ([number, ...children]: Tree): number => {
    const node = number === 'x' ? forest.newNode() : numbers.indexOf(number)
    for (const child of children) forest.addChild(node, add(child))
    return node
  }
  forest.roots = roots.map(add)
  return [...threadText(forest, numbers)].join('')
}

t.test('the examples', async (t) => {
  t.equal(told([[2], [3, [6, [4, [23]], [44, [7, [96]]]]]]), '(2)(3 6 (4 23)(44 7 96))')
  t.equal(told([['x', [3], [5]]]), '((3)(5))')
  t.equal(told([[166], [167], ['x', [168], [169]], [170, [171, ['x', [172], [173]], [174]]]]), '(166)(167)((168)(169))(170 171 ((172)(173))(174))')
  t.equal(told([]), '')
})

t.test('ORDEREDSUBJECT', async (t) => {
  const steps = orderedSubject(['B', 'A', 'B', 'C', 'B', 'A'], [5, 2, 1, 3, 4, 2])
  let step = steps.next()
  while (!step.done) step = steps.next()
  t.equal([...threadText(step.value, [1, 2, 3, 4, 5, 6])].join(''), '(3 (5)(1))(2 6)(4)')
})

t.test('Message-IDs', async (t) => {
  t.strictSame(messageIds('<a@b> (c) "x" <d@e>\t<broken> <"f"@g> < h @ i > <j@k'), ['a@b', 'd@e', 'f@g', 'h@i'])
  t.strictSame(messageIds('<"two words"@x> <"q\\"q"@x>'), ['two words@x', 'q"q@x'])
  t.equal(firstMessageId('Your message of today <a@b> <c@d>'), 'a@b')
  t.equal(firstMessageId('nobody'), undefined)
  t.strictSame(messageIds(''), [])
  const started = performance.now()
  for (const piece of ['<', '<"', '<a', '<a@', '<"\\']) t.strictSame(messageIds(piece.repeat(30_000)), [], piece)
  t.ok(performance.now() - started < 5000, 'in no time')
})
