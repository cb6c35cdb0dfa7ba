// What all clients of a run know together about a mailbox, whoever has learnt it. It holds for everyone: a UID means one message
// for ever, with one size and one text; a modseq of a message one set of flags; UIDNEXT and HIGHESTMODSEQ never sink
// (RFC 3501 §2.3.1.1, RFC 7162 §3.1). "Never" is judged by what was known when the command was sent: answers may cross.

/** What has been told about a message. */
export interface Fact {
  id?: string
  size?: number
  date?: string
  modseq?: number
  /** With that modseq; sorted, without \Recent. */
  flags?: string
  /** Someone has asked for its end: flagged it \Deleted or moved it. */
  doomed: boolean
  /** … by \Deleted, which copies of it have too. */
  deleted?: true
  /** Someone has been told that it is gone: the time of that (MailboxFacts.time). */
  goneAt?: number
}

/** What was known when a command was sent. */
export interface Known { readonly time: number; readonly uidNext: number; readonly modseq: number }

export class MailboxFacts {
  readonly user: string
  readonly name: string
  readonly messages = new Map<number, Fact>()
  uidValidity = 0
  /** What UIDNEXT must be at least. */
  #uidNext = 1
  #modseq = 0
  /** Counts what is learnt about ends. */
  time = 0

  constructor(user: string, name: string) {
    this.user = user
    this.name = name
  }

  get known(): Known { return { time: this.time, uidNext: this.#uidNext, modseq: this.#modseq } }

  of(uid: number): Fact {
    let fact = this.messages.get(uid)
    if (fact === undefined) this.messages.set(uid, fact = { doomed: false })
    this.#uidNext = Math.max(this.#uidNext, uid + 1)
    return fact
  }

  gone(uid: number): void { this.of(uid).goneAt ??= ++this.time }

  /** Each of these throws an Error where it contradicts what is known. */
  tellUidValidity(value: number): void {
    if (this.uidValidity !== 0 && value !== this.uidValidity) throw new Error(`UIDVALIDITY was ${this.uidValidity}, is ${value}`)
    this.uidValidity = value
  }

  tellUidNext(value: number, known: Known): void {
    if (value < known.uidNext) throw new Error(`UIDNEXT ${value}, but it has been at least ${known.uidNext}`)
    this.#uidNext = Math.max(this.#uidNext, value)
  }

  tellModseq(value: number, known: Known): void {
    if (value < known.modseq) throw new Error(`HIGHESTMODSEQ ${value}, but it has been at least ${known.modseq}`)
    this.#modseq = Math.max(this.#modseq, value)
  }

  /** A message that a command has made: its UID is a new one. */
  made(uid: number, id: string | undefined, known: Known): void {
    if (uid < known.uidNext) throw new Error(`a new message has UID ${uid}, but UIDNEXT has been at least ${known.uidNext}`)
    if (id !== undefined) this.tellId(uid, id)
    else this.of(uid)
  }

  tellId(uid: number, id: string): void { this.#same(uid, 'id', id) }
  tellSize(uid: number, size: number): void { this.#same(uid, 'size', size) }
  tellDate(uid: number, date: string): void { this.#same(uid, 'date', date) }

  /** `flags`: sorted, without \Recent. */
  tellFlags(uid: number, modseq: number, flags: string): void {
    const fact = this.of(uid)
    if (fact.modseq === modseq && fact.flags !== flags) throw new Error(`UID ${uid} with MODSEQ ${modseq} had the flags (${fact.flags}), has (${flags})`)
    if (fact.modseq === undefined || modseq > fact.modseq) Object.assign(fact, { modseq, flags })
    this.#modseq = Math.max(this.#modseq, modseq)
  }

  #same<K extends 'id' | 'size' | 'date'>(uid: number, what: K, value: NonNullable<Fact[K]>): void {
    const fact: Fact = this.of(uid)
    if (fact[what] !== undefined && fact[what] !== value) throw new Error(`UID ${uid} had the ${what} ${fact[what]}, has ${value}`)
    fact[what] = value as Fact[K]
  }
}
