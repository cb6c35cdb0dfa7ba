// What one session may see of its mailbox: the client's half of RFC 3501 §7.4. Throws an Error where the server contradicts itself.

import type { MailboxFacts } from './facts.ts'
import { claimOf, proven } from './mails.ts'
import { fetchItems, numbersOf } from './response.ts'
import type { Response, Value } from './response.ts'

/** Which flags of a message are this client's alone, and what they are: what nobody else changes must stay. */
export interface Mine {
  owns(uid: number, flag: string): boolean
  /** By UID: its own flags, sorted; absent while they are not known. */
  readonly flags: Map<number, string>
  /** Its own STORE is under way: before or after. */
  readonly unsettled: ReadonlySet<number>
}

export class ViewModel {
  readonly facts: MailboxFacts
  /** When SELECT was sent (MailboxFacts.time). */
  readonly #since: number
  readonly #mine: Mine
  /** UIDs by sequence number - 1; 0: not told yet. */
  readonly uids: number[] = []
  /** What this session has flagged \Deleted. */
  readonly deleted = new Set<number>()

  constructor(facts: MailboxFacts, since: number, mine: Mine) {
    this.facts = facts
    this.#since = since
    this.#mine = mine
  }

  get count(): number { return this.uids.length }

  /** UIDs that are known. */
  get known(): number[] { return this.uids.filter((uid) => uid > 0) }

  exists(count: number): void {
    if (count < this.count) throw new Error(`EXISTS ${count} after ${this.count} without an EXPUNGE`)
    while (this.uids.length < count) this.uids.push(0)
  }

  expunge(seq: number): void {
    if (seq < 1 || seq > this.count) throw new Error(`EXPUNGE ${seq} of ${this.count} messages`)
    this.#drop(this.uids.splice(seq - 1, 1)[0]!)
  }

  vanished(set: string): void {
    for (const uid of numbersOf(set)) {
      const at = this.uids.indexOf(uid)
      const unknown = at >= 0 ? at : this.#unknownFor(uid)
      if (unknown < 0) throw new Error(`VANISHED ${uid}, which the session does not have`)
      this.uids.splice(unknown, 1)
      this.#drop(uid)
    }
  }

  fetched(seq: number, response: Response): void {
    if (seq < 1 || seq > this.count) throw new Error(`FETCH of ${seq} where there are ${this.count} messages`)
    const items = fetchItems(response)
    const told = items.get('UID')
    if (told !== undefined) this.#place(seq, Number(told))
    const uid = this.uids[seq - 1]!
    if (uid === 0) return
    this.#tell(uid, items)
  }

  /** A SEARCH for one of the client's own flags: exactly the messages that have it. `numbers`: sequence numbers. */
  found(numbers: readonly number[], flag: string): void {
    const found = new Set(numbers)
    for (const seq of found) if (seq < 1 || seq > this.count) throw new Error(`SEARCH found ${seq} of ${this.count} messages`)
    for (const [i, uid] of this.uids.entries()) {
      const flags = this.#mine.flags.get(uid)
      if (flags === undefined || this.#unsure(uid)) continue
      if (flags.split(' ').includes(flag) !== found.has(i + 1)) throw new Error(`SEARCH KEYWORD ${flag} ${found.has(i + 1) ? 'found' : 'missed'} UID ${uid}, which has (${flags})`)
    }
  }

  /** After EXPUNGE: what it has flagged \Deleted is gone. */
  expunged(): void {
    const [left] = this.deleted
    if (left !== undefined) throw new Error(`EXPUNGE has left UID ${left}, which is \\Deleted`)
  }

  #place(seq: number, uid: number): void {
    const had = this.uids[seq - 1]!
    if (had === uid) return
    if (had !== 0) throw new Error(`message ${seq} had UID ${had}, has ${uid}`)
    for (let i = seq - 2; i >= 0; i--) {
      if (this.uids[i] === 0) continue
      if (this.uids[i]! >= uid) throw new Error(`message ${seq} has UID ${uid}, message ${i + 1} before it ${this.uids[i]}`)
      break
    }
    for (let i = seq; i < this.count; i++) {
      if (this.uids[i] === 0) continue
      if (this.uids[i]! <= uid) throw new Error(`message ${seq} has UID ${uid}, message ${i + 1} behind it ${this.uids[i]}`)
      break
    }
    const { goneAt } = this.facts.of(uid)
    if (goneAt !== undefined && goneAt <= this.#since) throw new Error(`UID ${uid} was expunged before this session selected the mailbox`)
    this.uids[seq - 1] = uid
  }

  #tell(uid: number, items: ReadonlyMap<string, Value>): void {
    const { facts } = this
    const size = items.get('RFC822.SIZE')
    if (size !== undefined) facts.tellSize(uid, Number(size))
    const date = items.get('INTERNALDATE')
    if (date !== undefined) facts.tellDate(uid, String(date))
    const field = items.get('BODY[HEADER.FIELDS (X-BENCH)]')
    const claim = field === undefined ? undefined : claimOf(String(field))
    if (claim !== undefined) facts.tellId(uid, claim.id)
    this.#tellFlags(uid, items)
    const mail = items.get('BODY[]')
    if (!(mail instanceof Buffer)) return
    facts.tellSize(uid, mail.length)
    const id = proven(mail)
    if (id === 'broken') throw new Error(`the text of UID ${uid} is not what its header promises`)
    if (id !== undefined) facts.tellId(uid, id)
  }

  #tellFlags(uid: number, items: ReadonlyMap<string, Value>): void {
    const list = items.get('FLAGS')
    if (!Array.isArray(list)) return
    const flags = list.map(String).filter((flag) => flag !== '\\Recent').sort()
    const modseq = items.get('MODSEQ')
    if (Array.isArray(modseq)) this.facts.tellFlags(uid, Number(modseq[0]), flags.join(' '))
    const own = flags.filter((flag) => this.#mine.owns(uid, flag)).join(' ')
    const had = this.#mine.flags.get(uid)
    if (had !== undefined && had !== own && !this.#unsure(uid)) throw new Error(`UID ${uid} had (${had}) of this client alone, has (${own})`)
    if (!this.#mine.unsettled.has(uid)) this.#mine.flags.set(uid, own)
  }

  /** Nothing certain can be said of its flags. */
  #unsure(uid: number): boolean { return this.#mine.unsettled.has(uid) || this.facts.of(uid).doomed }

  #drop(uid: number): void {
    if (uid === 0) return
    this.facts.gone(uid)
    this.deleted.delete(uid)
    this.#mine.flags.delete(uid)
  }

  /** A place without a UID where this one could be. */
  #unknownFor(uid: number): number {
    let last = -1
    for (const [i, other] of this.uids.entries()) {
      if (other > uid) break
      last = other === 0 ? i : -1
    }
    return last
  }
}
