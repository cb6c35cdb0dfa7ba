// A search that goes on after its command: RETURN (UPDATE). RFC 5267 §4.3. What comes to match is told by ADDTO, what no longer does by
// REMOVEFROM, along with the other news of the mailbox; of an expunged message before its EXPUNGE, while its number still means it.
//
// Changes are taken from the mailbox's update log, the session's own too. What cannot be decided from the columns is read in the
// background, and told with the next news — in IDLE as soon as it is known.

import { Cancelled } from '../../../../runtime/errors.ts'
import type { ImapSession } from '../command.ts'
import { quoted } from '../encode.ts'
import { speaksUidsOnly } from '../revision.ts'
import { SequenceSet } from '../sequence-set.ts'
import type { Wanted } from '../fetch/attributes.ts'
import type { Due } from '../unasked.ts'
import type { View } from '../view.ts'
import type { Criterion, Matcher, Numbering } from './key.ts'
import { Searched } from './message.ts'
import { failureOf } from './run.ts'

export class LiveSearch {
  readonly #s: ImapSession
  readonly #view: View
  readonly #criterion: Criterion
  readonly #tag: string
  /** The client speaks of it in UIDs. */
  readonly #uid: boolean
  readonly #then: Numbering
  /** Told of each new message that matches, before its ADDTO. */
  readonly #fetch: readonly Wanted[]
  /** Those of whom that is due. */
  #due: number[] = []
  /** New messages that have not been decided about. */
  readonly #arrived = new Set<number>()
  /** UIDs of what matches, as the client knows it. */
  readonly #found: Set<number>
  /** Places in the update log up to which expunges, and other changes, are told. */
  #expunges: number
  #changes: number
  /** The last message that has been looked at. */
  #lastUid: number
  readonly #undecided = new Set<number>()
  readonly #decided = new Map<number, boolean>()
  #deciding: Promise<void> | undefined

  /** `found`: sequence numbers of what the command has told. */
  constructor(criterion: Criterion, found: readonly number[], fetch: readonly Wanted[], s: ImapSession) {
    const { view } = s.selected
    this.#s = s
    this.#view = view
    this.#criterion = criterion
    this.#then = { list: view.list, saved: view.saved }
    this.#fetch = fetch
    this.#tag = s.running.tag
    this.#uid = s.running.uid
    this.#found = new Set(found.map((seq) => view.uidAt(seq)))
    this.#expunges = this.#changes = view.mailbox.updates.end
    this.#lastUid = view.count > 0 ? view.uidAt(view.count) : 0
  }

  /** Before expunges are told. */
  dropExpunged(): void {
    const { updates, messages } = this.#view.mailbox
    let expunged = this.#expunges < updates.start
    for (let at = Math.max(this.#expunges, updates.start); at < updates.end && !expunged; at++) expunged = updates.at(at).kind === 'expunge'
    this.#expunges = updates.end
    if (expunged) this.#tell('REMOVEFROM', [...this.#found].filter((uid) => messages.rowOf(uid) < 0))
  }

  /** After the view has taken in what it may: the other changes. */
  update(): void {
    const changed = this.#changed()
    if (changed.size > 0) {
      const matches = this.#matcher()
      for (const uid of changed) {
        const seq = this.#view.seqOf(uid)
        if (seq === 0 || this.#view.rowOf(seq) < 0) continue
        const result = new Searched(this.#view, seq).ask(matches)
        this.#decided.delete(uid)
        if (result === undefined) this.#undecided.add(uid)
        else this.#decided.set(uid, result)
      }
    }
    this.#tellDecided()
    if (this.#undecided.size > 0 && this.#deciding === undefined) this.#begin()
  }

  #matcher(): Matcher { return this.#criterion.matcher(this.#view, Math.floor(this.#s.effects.clock.now() / 1000), this.#then) }

  /** New messages that have come to match and of whom something is to be told before that; once. */
  takeDue(): Due | undefined {
    const uids = this.#due
    if (uids.length === 0) return undefined
    this.#due = []
    return { uids, fetch: this.#fetch, told: () => { if (!this.#ended) this.#tell('ADDTO', uids) } }
  }

  /** Settles when what had changed at the last `update` is decided; undefined: it is. */
  get deciding(): Promise<void> | undefined { return this.#deciding }

  /** Between updates: what has been decided meanwhile. */
  tellDecided(): void { this.#tellDecided() }

  /** UIDs of what is new or has other flags. */
  #changed(): Set<number> {
    const { updates } = this.#view.mailbox
    const { list } = this.#view
    const changed = new Set<number>()
    const lost = this.#changes < updates.start
    for (let at = Math.max(this.#changes, updates.start); at < updates.end; at++) {
      const update = updates.at(at)
      if (update.kind === 'flags') for (const uid of update.uids) changed.add(uid)
    }
    this.#changes = updates.end
    for (let i = list.count - 1; i >= 0 && (lost || list.uids[i]! > this.#lastUid); i--) {
      changed.add(list.uids[i]!)
      if (list.uids[i]! > this.#lastUid && this.#fetch.length > 0) this.#arrived.add(list.uids[i]!)
    }
    if (list.count > 0) this.#lastUid = Math.max(this.#lastUid, list.uids[list.count - 1]!)
    return changed
  }

  #tellDecided(): void {
    const added: number[] = []
    const removed: number[] = []
    for (const [uid, matches] of this.#decided) {
      const isNew = this.#arrived.delete(uid)
      if (matches !== this.#found.has(uid)) (matches ? (isNew ? this.#due : added) : removed).push(uid)
    }
    this.#decided.clear()
    this.#tell('REMOVEFROM', removed)
    this.#tell('ADDTO', added)
  }

  /** Place 0: the results of a SEARCH have no order. */
  #tell(what: 'ADDTO' | 'REMOVEFROM', uids: readonly number[]): void {
    const numbers: number[] = []
    const inUids = this.#uid || speaksUidsOnly(this.#s)
    for (const uid of Uint32Array.from(uids).sort()) {
      const seq = this.#view.seqOf(uid)
      if (seq === 0) continue
      numbers.push(inUids ? uid : seq)
      if (what === 'ADDTO') this.#found.add(uid)
      else this.#found.delete(uid)
    }
    if (numbers.length > 0) this.#s.send(`ESEARCH (TAG ${quoted(this.#tag)}) ${inUids ? 'UID ' : ''}${what} (0 ${SequenceSet.of(numbers)})`)
  }

  get #ended(): boolean { return !this.#s.hasSelected || this.#s.selected.view !== this.#view || this.#s.selected.searches.get(this.#tag) !== this }

  #begin(): void {
    this.#deciding = this.#decide().finally(() => {
      this.#deciding = undefined
      if (this.#undecided.size > 0) this.#begin()
    })
  }

  /** One message after another: these are few. A message that cannot be read does not match. */
  async #decide(): Promise<void> {
    for (const uid of this.#undecided) {
      this.#undecided.delete(uid)
      const seq = this.#view.seqOf(uid)
      if (seq === 0) continue
      try {
        const matches = this.#matcher()
        this.#decided.set(uid, await new Searched(this.#view, seq).decide(matches, this.#s.context('imap:search_update')))
      } catch (error) {
        if (error instanceof Cancelled || this.#ended) return this.#undecided.clear()
        failureOf(error, this.#s, this.#view, seq)
      }
      if (this.#ended) return this.#undecided.clear()
    }
    const { running, notified, speaking } = this.#s
    if (speaking !== undefined || !(running.name === 'IDLE' || (running.name === '' && notified))) return
    this.#tellDecided()
    this.#s.speak()
  }
}
