// What has happened to each mail since the store last had everything: what a new owner of the user would lack (orphan.ts).
//
// Kept as a column (Columns.touches), because one STORE may touch a whole mailbox; flags that were keywords, and mails that
// came and went, are few and kept apart.

import type { Columns } from './columns.ts'
import type { FlagSet } from './types.ts'

/** It came, it had these flags before, or it came and went. */
export type Touch = { kind: 'new' } | { kind: 'changed'; flags: FlagSet } | { kind: 'gone'; oid: string }

/** Values of the column: 0 is untouched, `plain` and more had the system flags of the low byte and no keywords. */
const isNew = 1
const hadKeywords = 2
const plain = 256

export class Touched implements Iterable<[uid: number, touch: Touch]> {
  readonly #columns: Columns
  /** Flags before, by UID, of rows that had keywords. */
  readonly #before = new Map<number, FlagSet>()
  /** By UID. */
  readonly #gone = new Map<number, string>()

  constructor(columns: Columns) { this.#columns = columns }

  get size(): number {
    let size = this.#gone.size
    const { touches, count } = this.#columns
    for (let row = 0; row < count; row++) if (touches[row] !== 0) size++
    return size
  }

  /** By row, then those that have gone. */
  *[Symbol.iterator](): Generator<[uid: number, touch: Touch]> {
    const { touches, uids, count } = this.#columns
    for (let row = 0; row < count; row++) {
      const touch = touches[row]!
      const uid = uids[row]!
      if (touch === isNew) yield [uid, { kind: 'new' }]
      else if (touch === hadKeywords) yield [uid, { kind: 'changed', flags: this.#before.get(uid)! }]
      else if (touch >= plain) yield [uid, { kind: 'changed', flags: { system: touch - plain, keywords: [] } }]
    }
    for (const [uid, oid] of this.#gone) yield [uid, { kind: 'gone', oid }]
  }

  has(row: number): boolean { return this.#columns.touches[row] !== 0 }

  /** The row's mail is new. */
  came(row: number): void { this.#columns.touches[row] = isNew }

  /** Its flags were these, where nothing had happened to it. */
  changed(row: number, system: number, keywords: readonly string[]): void {
    const { touches, uids } = this.#columns
    if (touches[row] !== 0) return
    touches[row] = keywords.length === 0 ? plain + system : hadKeywords
    if (keywords.length > 0) this.#before.set(uids[row]!, { system, keywords: [...keywords] })
  }

  /** The row is about to go: its object has this name. */
  expunged(row: number, oid: string): void {
    const uid = this.#columns.uids[row]!
    if (this.#columns.touches[row] === isNew) this.#gone.set(uid, oid)
    else this.#before.delete(uid)
  }

  /** As a snapshot says. Of a mail that is not there any more only that it came and went counts. */
  restore(uid: number, touch: Touch): void {
    if (touch.kind === 'gone') this.#gone.set(uid, touch.oid)
    const row = this.#columns.rowOf(uid)
    if (row < 0) return
    if (touch.kind === 'new') this.came(row)
    else if (touch.kind === 'changed') this.changed(row, touch.flags.system, touch.flags.keywords)
  }

  /**
   * The store has everything up to this modseq, of UIDs below `nextUid`. A mail with a later one that came and went meanwhile is
   * found by listing as long as its object is there: that it has gone is told nowhere else.
   */
  savedUpTo(modseq: number, nextUid: number): void {
    for (const uid of [...this.#gone.keys()]) if (uid < nextUid) this.#gone.delete(uid)
    const { touches, modseqs, uids, count } = this.#columns
    for (let row = 0; row < count; row++) {
      if (touches[row] === 0 || modseqs[row]! > modseq) continue
      if (touches[row] === hadKeywords) this.#before.delete(uids[row]!)
      touches[row] = 0
    }
  }

  clear(): void {
    this.#gone.clear()
    this.#before.clear()
    this.#columns.touches.fill(0)
  }
}
