// Threads as THREAD tells them. RFC 5256 §4, §5 (thread-data).

import type { ThreadForest } from './thread-forest.ts'

/**
 * `(2)(3 6 (4 23)(44 7 96))`, message n as `numbers[n]`. In pieces; threads nest as deep as a
 * client makes them, so nothing here calls itself.
 */
export function* threadText(forest: ThreadForest, numbers: ArrayLike<number>): Generator<string> {
  for (const root of forest.roots) {
    yield '('
    /** What is still to be told of the nodes begun: nodes, and the parentheses after them. */
    const left: (number | ')' | '(')[] = [root]
    let separator = ''
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if (typeof next === 'string') {
        // A list opens behind a message with a space, behind another list without.
        yield next === '(' ? `${separator}(` : ')'
        separator = ''
        continue
      }
      if (next < forest.messages) {
        yield `${separator}${numbers[next]}`
        separator = ' '
      }
      const children = forest.childrenOf(next)
      if (children.length === 1) left.push(children[0]!)
      else for (let i = children.length - 1; i >= 0; i--) left.push(')', children[i]!, '(')
    }
    yield ')'
  }
}
