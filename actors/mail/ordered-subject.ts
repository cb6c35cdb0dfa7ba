// THREAD=ORDEREDSUBJECT: messages of one base subject are a thread, the oldest its root. RFC 5256 §4.

import { mergeSort } from './merge-sort.ts'
import type { ThreadForest } from './thread-forest.ts'

const none: readonly number[] = []

/** Of messages with these base subjects (comparison keys) and sent dates; equal dates go by the message. */
export function* orderedSubject(subjects: readonly string[], dates: ArrayLike<number>): Generator<undefined, ThreadForest> {
  const byDate = yield* mergeSort(subjects.length, (a, b) => dates[a]! - dates[b]!)
  const rootOf = new Map<string, number>()
  const children = new Map<number, number[]>()
  for (const message of byDate) {
    const subject = subjects[message]!
    const root = rootOf.get(subject)
    if (root === undefined) rootOf.set(subject, message)
    else if (children.has(root)) children.get(root)!.push(message)
    else children.set(root, [message])
  }
  return { messages: subjects.length, roots: [...rootOf.values()], childrenOf: (node) => children.get(node) ?? none }
}
