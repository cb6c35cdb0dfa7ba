// Threads as trees. RFC 5256 §4, §5 (thread-data).

/**
 * Nodes are numbers: below `messages` they are messages, above they only hold others together. Children and roots are in the
 * order in which they are told.
 */
export interface ThreadForest {
  readonly messages: number
  readonly roots: readonly number[]
  childrenOf(node: number): readonly number[]
}

const none: readonly number[] = []

/** The node's own message, or the first below it. */
export const firstOf = (forest: ThreadForest, node: number): number => (node < forest.messages ? node : forest.childrenOf(node)[0]!)

/** A forest in the making. */
export class GrownForest implements ThreadForest {
  readonly messages: number
  roots: number[] = []
  readonly #children: (number[] | undefined)[]

  constructor(messages: number) {
    this.messages = messages
    this.#children = new Array<undefined>(messages).fill(undefined)
  }

  childrenOf(node: number): readonly number[] { return this.#children[node] ?? none }

  /** A node that is no message. */
  newNode(): number { return this.#children.push([]) - 1 }

  addChild(parent: number, child: number): void { (this.#children[parent] ??= []).push(child) }

  setChildren(node: number, children: number[]): void { this.#children[node] = children }
}
