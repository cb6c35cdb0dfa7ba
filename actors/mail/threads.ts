// THREAD=REFERENCES and THREAD=REFS: messages by whom they answer. RFC 5256 §4; REFS as in draft-ietf-morg-inthread §3.2: without
// subjects, the threads in the order of their newest messages — by sent date as everything else, as in Dovecot.
//
// A node is a Message-ID that somebody has named;
// many have no message. Numbers instead of objects: 100,000 messages with ten references each are a few arrays.

import { mergeSort } from './merge-sort.ts'
import { GrownForest, firstOf } from './thread-forest.ts'
import type { ThreadForest } from './thread-forest.ts'
import { mergeSubjects } from './thread-subjects.ts'

const nobody = -1
/** A message of which nothing is known. */
const silent = { id: nobody, references: [] as readonly number[] }

/** A message as threading sees it. */
export interface ThreadMessage {
  readonly messageId: string | undefined
  /** From the oldest to the direct parent. */
  readonly references: readonly string[]
  /** Seconds since 1970 by which siblings are ordered. */
  readonly date: number
}

export class Threads {
  readonly #nodes = new Map<string, number>()
  /** By node: its parent, how many children it has, its message. */
  readonly #parents: number[] = []
  readonly #childCounts: number[] = []
  readonly #messages: number[] = []
  /** By message: what it says, as nodes; its own node, once it is linked; its date. */
  readonly #says: ({ id: number; references: readonly number[] } | undefined)[]
  readonly #nodeOf: Int32Array
  readonly #dates: Float64Array

  /** For messages 0 … count-1. */
  constructor(count: number) {
    this.#says = new Array<undefined>(count).fill(undefined)
    this.#nodeOf = new Int32Array(count).fill(nobody)
    this.#dates = new Float64Array(count)
  }

  /** Each message once, in any order. */
  put(message: number, { messageId, references, date }: ThreadMessage): void {
    const id = messageId === undefined ? nobody : this.#node(messageId)
    this.#says[message] = { id, references: references.map((reference) => this.#node(reference)) }
    this.#dates[message] = date
  }

  /** Base subjects (comparison keys) and reply marks by message. */
  *references(subjects: readonly string[], replies: ArrayLike<unknown>): Generator<undefined, ThreadForest> {
    const forest = yield* this.#grow()
    yield* mergeSubjects(forest, this.#dates, subjects, replies)
    return forest
  }

  *refs(): Generator<undefined, ThreadForest> {
    const forest = yield* this.#grow()
    const { roots } = forest
    const newest = new Float64Array(roots.length)
    for (const [i, root] of roots.entries()) {
      newest[i] = this.#newestBelow(root, forest)
      yield
    }
    const order = yield* mergeSort(roots.length, (a, b) => newest[a]! - newest[b]! || firstOf(forest, roots[a]!) - firstOf(forest, roots[b]!))
    forest.roots = Array.from(order, (i) => roots[i]!)
    return forest
  }

  #newestBelow(root: number, forest: ThreadForest): number {
    let newest = -Infinity
    const left = [root]
    for (let node = left.pop(); node !== undefined; node = left.pop()) {
      if (node < forest.messages) newest = Math.max(newest, this.#dates[node]!)
      for (const child of forest.childrenOf(node)) left.push(child)
    }
    return newest
  }

  // ---- Links -----------------------------------------------------------------------------------------------------

  /** Step (1), in the order of the mailbox. */
  *#linkAll(): Generator<undefined> {
    for (let message = 0; message < this.#says.length; message++) {
      this.#linkOne(message)
      yield
    }
  }

  #linkOne(message: number): void {
    const { id, references } = this.#says[message] ?? silent
    // A message without an ID, and each later one with the same, stands for itself.
    const node = id === nobody || this.#messages[id] !== nobody ? this.#newNode() : id
    this.#messages[node] = message
    this.#nodeOf[message] = node
    let before = nobody
    for (const reference of references) {
      if (before !== nobody && this.#parents[reference] === nobody) this.#link(before, reference)
      before = reference
    }
    // What the message itself says of its parent counts more than what others have guessed.
    this.#unlink(node)
    if (before !== nobody) this.#link(before, node)
  }

  #node(id: string): number {
    const known = this.#nodes.get(id)
    if (known !== undefined) return known
    const node = this.#newNode()
    this.#nodes.set(id, node)
    return node
  }

  #newNode(): number {
    this.#parents.push(nobody)
    this.#childCounts.push(0)
    return this.#messages.push(nobody) - 1
  }

  /** Nothing where it would close a circle. A node without children closes none. */
  #link(parent: number, child: number): void {
    if (parent === child) return
    if (this.#childCounts[child]! > 0) {
      for (let above = this.#parents[parent]!; above !== nobody; above = this.#parents[above]!) if (above === child) return
    }
    this.#parents[child] = parent
    this.#childCounts[parent]!++
  }

  #unlink(node: number): void {
    const parent = this.#parents[node]!
    if (parent === nobody) return
    this.#childCounts[parent]!--
    this.#parents[node] = nobody
  }

  // ---- The forest ------------------------------------------------------------------------------------------------

  /**
   * The forest of messages alone, siblings and roots by date: the parent of a message is the nearest node above that has one. Where
   * none has, those below the same uppermost node are a thread, held together by a node of its own if they are several.
   */
  *#grow(): Generator<undefined, GrownForest> {
    yield* this.#linkAll()
    const count = this.#nodeOf.length
    const forest = new GrownForest(count)
    const order = yield* mergeSort(count, (a, b) => this.#dates[a]! - this.#dates[b]!)
    const holders = yield* this.#holders()
    /** For an uppermost node without message: how many messages it holds together, then the forest's node for it. */
    const held = new Map<number, { size: number; node: number }>()
    for (const message of order) {
      const holder = holders[this.#nodeOf[message]!]!
      if (holder === nobody || this.#messages[holder] !== nobody) continue
      const group = held.get(holder)
      if (group === undefined) held.set(holder, { size: 1, node: nobody })
      else group.size++
    }
    for (const message of order) {
      const holder = holders[this.#nodeOf[message]!]!
      const group = holder === nobody ? undefined : held.get(holder)
      if (holder !== nobody && this.#messages[holder] !== nobody) forest.addChild(this.#messages[holder]!, message)
      else if (group === undefined || group.size === 1) forest.roots.push(message)
      else {
        if (group.node === nobody) {
          group.node = forest.newNode()
          forest.roots.push(group.node)
        }
        forest.addChild(group.node, message)
      }
      if (message % 512 === 0) yield
    }
    return forest
  }

  /** By node: the nearest node above with a message, or else the uppermost one; nobody above: none. */
  *#holders(): Generator<undefined, Int32Array> {
    const unknown = -2
    const holders = new Int32Array(this.#parents.length).fill(unknown)
    const path: number[] = []
    for (let start = 0; start < holders.length; start++) {
      let node = start
      while (holders[node] === unknown) {
        path.push(node)
        const parent = this.#parents[node]!
        if (parent === nobody) break
        node = parent
      }
      for (let below = path.pop(); below !== undefined; below = path.pop()) {
        const parent = this.#parents[below]!
        if (parent === nobody) holders[below] = nobody
        else if (this.#messages[parent] !== nobody || holders[parent] === nobody) holders[below] = parent
        else holders[below] = holders[parent]!
      }
      if (start % 512 === 0) yield
    }
    return holders
  }
}
