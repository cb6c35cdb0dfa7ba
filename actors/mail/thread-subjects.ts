// Threads of one subject become one: THREAD=REFERENCES, steps (5) and (6). RFC 5256 §4.

import { mergeSort } from './merge-sort.ts'
import { firstOf } from './thread-forest.ts'
import type { GrownForest } from './thread-forest.ts'

/** Merges roots of `forest` and puts them, and what has changed below them, in order. `subjects`, `replies`, `dates`: by message. */
export function* mergeSubjects(
  forest: GrownForest, dates: ArrayLike<number>, subjects: readonly string[], replies: ArrayLike<unknown>,
): Generator<undefined> {
  const isDummy = (node: number): boolean => node >= forest.messages
  const isReply = (node: number): boolean => Boolean(replies[firstOf(forest, node)])
  /** Taken before anything moves: a thread keeps the subject and the mark that it came with. */
  const roots = forest.roots.map((node) => ({ node, subject: subjects[firstOf(forest, node)]!, reply: isReply(node) }))
  type Root = typeof roots[number]

  // (B): the best root of each subject: no message of its own, or no reply.
  const table = new Map<string, Root>()
  for (const root of roots) {
    if (root.subject === '') continue
    const other = table.get(root.subject)
    const better = other !== undefined && !isDummy(other.node) && (isDummy(root.node) || (other.reply && !root.reply))
    if (other === undefined || better) table.set(root.subject, root)
    yield
  }

  // (C): the others go below it.
  const changed = new Set<number>()
  const kept: number[] = []
  /** A root that has become a child of a new node, where that stands for both. */
  const wrapped = new Map<number, number>()
  for (const root of roots) {
    const best = root.subject === '' ? root : table.get(root.subject)!
    if (best === root) kept.push(root.node)
    else {
      const { node } = best
      if (isDummy(node) && isDummy(root.node)) for (const child of forest.childrenOf(root.node)) forest.addChild(node, child)
      else if (isDummy(node) || (root.reply && !best.reply)) forest.addChild(node, root.node)
      else {
        const together = forest.newNode()
        forest.addChild(together, node)
        forest.addChild(together, root.node)
        wrapped.set(node, together)
        table.set(root.subject, { ...best, node: together })
      }
      changed.add(table.get(root.subject)!.node)
    }
    yield
  }

  // (6)
  const inOrder = function* (nodes: readonly number[]): Generator<undefined, number[]> {
    const firsts = Int32Array.from(nodes, (node) => firstOf(forest, node))
    const order = yield* mergeSort(nodes.length, (a, b) => dates[firsts[a]!]! - dates[firsts[b]!]! || firsts[a]! - firsts[b]!)
    return Array.from(order, (i) => nodes[i]!)
  }
  for (const node of changed) forest.setChildren(node, yield* inOrder(forest.childrenOf(node)))
  forest.roots = yield* inOrder(kept.map((node) => wrapped.get(node) ?? node))
}
