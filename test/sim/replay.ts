// A mailbox as one who only hears its updates believes it to be. Each update must fit what was heard before it, and when
// nothing is under way the belief must equal the columns.

import type { Mailbox, UidList, Update } from '../../actors/user/types.ts'
import { promised } from './violation.ts'

export class Replay {
  readonly mailbox: Mailbox
  #uids: number[]
  readonly #flags = new Map<number, string>()
  #position: number
  #gone = false
  /** Kept until somebody asks: a listener must not throw into the engine. */
  #broken: unknown
  readonly #cancel: () => void

  constructor(mailbox: Mailbox) {
    this.mailbox = mailbox
    // The updates told from here on belong to what is visible now: rows that are not yet told come as `append`.
    this.#position = mailbox.updates.end
    this.#uids = list(mailbox.messages.uidList())
    for (const uid of this.#uids) this.#note(uid)
    this.#cancel = mailbox.updates.subscribe(() => { this.#hear() })
  }

  get gone(): boolean { return this.#gone }

  close(): void { this.#cancel() }

  /** Throws what an update broke. */
  check(): void { if (this.#broken !== undefined) throw this.#broken }

  /** To be called when nothing is under way on the mailbox. */
  compare(): void {
    this.check()
    if (this.#gone) return
    const { name, messages } = this.mailbox
    const columns = list(messages.uidList())
    promised(same(columns, this.#uids), () => `${name}: updates lead to UIDs ${this.#uids.join()}, the columns have ${columns.join()}`)
    for (const [row, uid] of columns.entries()) {
      promised(this.#flags.get(uid) === this.#flagsOf(row),
        () => `${name}: flags of ${uid} were told as ${this.#flags.get(uid) ?? 'nothing'}, the columns have ${this.#flagsOf(row)}`)
    }
  }

  #hear(): void {
    if (this.#broken !== undefined) return
    try {
      this.#catchUp()
    } catch (error) {
      this.#broken = error
    }
  }

  #catchUp(): void {
    const { updates, name } = this.mailbox
    promised(updates.start <= this.#position, () => `${name}: updates ${this.#position} to ${updates.start} were dropped while everybody listened`)
    for (; this.#position < updates.end; this.#position++) this.#apply(updates.at(this.#position))
  }

  #apply(update: Update): void {
    const { name } = this.mailbox
    switch (update.kind) {
      case 'append': return this.#append(list(update.after), update.count)
      case 'expunge': return this.#expunge(update)
      case 'flags':
        for (const uid of update.uids) {
          // A change of a mail that was already expunged again may still be told.
          if (this.mailbox.messages.rowOf(uid) >= 0) this.#note(uid)
        }
        return
      case 'gone':
        this.#gone = true
        return
      case 'keywords':
        promised(this.mailbox.keywords.length > 0, () => `${name}: new keywords were told, and there are none`)
    }
  }

  #append(after: number[], count: number): void {
    const { name } = this.mailbox
    promised(count > 0, () => `${name}: an append of ${count}`)
    promised(same(after.slice(0, after.length - count), this.#uids), () => `${name}: append of ${count} to ${this.#uids.join()} gave ${after.join()}`)
    promised(ascending(after), () => `${name}: UIDs not ascending: ${after.join()}`)
    this.#uids = after
    for (const uid of after.slice(-count)) this.#note(uid)
  }

  #expunge({ uids, before, after }: Extract<Update, { kind: 'expunge' }>): void {
    const { name } = this.mailbox
    promised(same(list(before), this.#uids), () => `${name}: expunge of ${uids.join()} begins at ${list(before).join()}, before it was ${this.#uids.join()}`)
    const gone = new Set(uids)
    promised(uids.length > 0 && ascending(uids), () => `${name}: expunge of ${uids.join()}`)
    promised(uids.every((uid) => this.#uids.includes(uid)), () => `${name}: expunge of ${uids.join()} from ${this.#uids.join()}`)
    this.#uids = this.#uids.filter((uid) => !gone.has(uid))
    promised(same(list(after), this.#uids), () => `${name}: expunge of ${uids.join()} ends at ${list(after).join()} instead of ${this.#uids.join()}`)
    for (const uid of uids) this.#flags.delete(uid)
  }

  #note(uid: number): void {
    const row = this.mailbox.messages.rowOf(uid)
    if (row >= 0) this.#flags.set(uid, this.#flagsOf(row))
  }

  #flagsOf(row: number): string {
    const { messages, keywords } = this.mailbox
    return [messages.flags[row], ...messages.keywordsOf(row).map((keyword) => keywords[keyword]).sort()].join(' ')
  }
}

const list = ({ uids, count }: UidList): number[] => [...uids.subarray(0, count)]
const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((uid, at) => uid === b[at])
export const ascending = (uids: readonly number[]): boolean => uids.every((uid, at) => at === 0 || (uids[at - 1] as number) < uid)
