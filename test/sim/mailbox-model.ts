// One mailbox of the model (rules in model.ts).

import { Register } from './register.ts'
import type { Pending } from './register.ts'
import { ascending } from './replay.ts'
import { promised } from './violation.ts'

/** A mail as it was found. `flags`: `\Seen` and the like, and keywords, as the simulator spells them. */
export interface Row { uid: number; mail: number; flags: ReadonlySet<string> }

/**
 * A mail under a UID. It must be there unless it is gone, or one or more removals are under way or without an answer
 * (`doubts`). `mail` is undefined where somebody acted on a UID before its answer told whose it is.
 */
interface Instance { mail: number | undefined; /** When it was acknowledged (ms). */ acknowledgedAt: number; gone: boolean; doubts: number; /** It was expunged once, where only one machine knows of it. */ mayGo: boolean; /** Nobody acknowledged it, and a deletion of it may still be on the wire: since when it is seen (ms). */ unsureSince: number | undefined; flags: Map<string, Register> }

/** Virtual time, how long after the death of its process a request may still reach the store, and how long listings may not know of it (ms). */
export interface ModelClock { readonly nowMs: number; readonly lateMs: number; readonly lagMs: number }

/** Every flag the simulator uses. */
export const flagNames = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft', 'red', '$Forwarded', 'Blue'] as const

export class MailboxModel {
  readonly guid: string
  uidValidity: number
  /** The names it may have now; `undefined` among them: it may be deleted. */
  names: Set<string | undefined>
  /** Mails that may have come without an acknowledgement, and how often: a loss of the disk can bring them up much later. */
  readonly uncertain = new Map<number, number>()
  /** Mails of requests that were refused half way: only a loss of the disk, or of the record that they are to be deleted, can bring them up. */
  readonly leftovers = new Set<number>()
  readonly #instances = new Map<number, Instance>()
  readonly #means: (where: string, uid: number, mail: number) => void
  readonly #clock: ModelClock
  #uidNext = 1
  /** Mails that were expunged, as the store knows, and those of which nobody knew how often they came: only the loss of the index can bring them back. */
  readonly #expunged = new Set<number>()
  #lostDisk = false
  #lostFlags = false
  #crashed = false
  #lostIndex = false
  #lostName = false
  #lives = 0
  #survivedAt: number | undefined

  constructor(guid: string, name: string, uidValidity: number, means: (where: string, uid: number, mail: number) => void, clock: ModelClock) {
    this.#clock = clock
    this.guid = guid
    this.uidValidity = uidValidity
    this.names = new Set([name])
    this.#means = means
  }

  /** For messages: what it is called, most likely. */
  get nameNow(): string { return [...this.names].find((name) => name !== undefined) ?? `(deleted ${this.guid})` }
  /** The mails that must be there. */
  get promisedCount(): number { return this.names.has(undefined) ? 0 : [...this.#instances.values()].filter(isPromised).length }
  /** When its deletion was acknowledged. */
  deletedAt: number | undefined

  /** The mail of a UID, where it is known. */
  mailOf(uid: number): number | undefined { return this.#instances.get(uid)?.mail }

  /** An acknowledgement said that this UID is this mail. */
  acknowledge(uid: number, mail: number, flags: Map<string, Register>): void {
    const instance = this.#instance(uid)
    promised(instance.mail === undefined || instance.mail === mail, () => `${this.nameNow}: UID ${uid} was given to mail ${mail}, and is mail ${instance.mail}`)
    instance.mail = mail
    instance.acknowledgedAt = this.#clock.nowMs
    for (const [flag, register] of flags) this.#register(uid, flag).beginWith(register)
    this.#see(uid, mail)
    this.#uidNext = Math.max(this.#uidNext, uid + 1)
  }

  /** Whether the mail has to be there. */
  isPromised(uid: number): boolean {
    const instance = this.#instances.get(uid)
    return instance !== undefined && isPromised(instance)
  }

  /** The mail may have come, and no UID was told. */
  maybe(mail: number): void {
    this.uncertain.set(mail, (this.uncertain.get(mail) ?? 0) + 1)
    this.#expunged.add(mail)
  }

  /** A removal of the mail begins: it may be gone from now on. */
  doubt(uid: number): void { this.#instance(uid).doubts++ }

  /** All mails may be gone from now on. Answers those that had to be there. */
  doubtAll(): number[] {
    const sure = [...this.#instances.values()].filter(isPromised)
    for (const uid of this.#instances.keys()) this.doubt(uid)
    return sure.flatMap(({ mail }) => (mail === undefined ? [] : [mail]))
  }

  /** The removal has ended, with this acknowledged. */
  settle(uid: number, removed: boolean): void {
    const instance = this.#instance(uid)
    instance.doubts--
    if (removed) instance.gone = true
  }

  /** A client has read the mail under this UID. */
  saw(uid: number, mail: number): void { this.#see(uid, mail) }

  /** A deletion failed, and the mailbox is still there: from now on a mail that is acknowledged makes it certain again. */
  survived(now: number): void { this.#survivedAt = now }

  /** A request that began then has put a mail into it. */
  received(began: number): void {
    if (this.#survivedAt === undefined || began < this.#survivedAt) return
    this.names.delete(undefined)
    this.#survivedAt = undefined
  }

  /** A deletion begins. */
  maybeDeleted(): void {
    this.names.add(undefined)
    this.#survivedAt = undefined
  }

  /** Its deletion was acknowledged. */
  deleted(now: number): void {
    this.names = new Set([undefined])
    this.deletedAt = now
    for (const instance of this.#instances.values()) instance.gone = true
  }

  /** All mails that it may have. */
  mails(): number[] {
    return [...this.uncertain.keys(), ...[...this.#instances.values()].flatMap((instance) => (instance.mail === undefined ? [] : [instance.mail]))]
  }

  beginFlag(uid: number, flag: string, value: boolean, now: number): Pending { return this.#register(uid, flag).begin(value, now) }

  /** The flags a copy has that was made between two moments. */
  copyFlags(uid: number, began: number, ended: number): Map<string, Register> {
    return new Map([...this.#instance(uid).flags].map(([flag, register]) => [flag, register.copy(began, ended)]))
  }

  loseDisk(): void { this.#lostDisk = true }

  crash(): void { this.#crashed = true }

  loseFlags(): void { this.#lostFlags = true }
  /** What the store knew of it besides its mails may be lost too. */
  loseIndex(): void { this.#lostDisk = this.#lostIndex = true }

  /** It may be found under another name, with another UIDVALIDITY. */
  loseName(): void { this.#lostDisk = this.#lostName = true }

  checkpoint(): void {
    for (const [uid, instance] of this.#instances) {
      for (const register of instance.flags.values()) register.checkpoint()
      // What is gone and uploaded as gone stays gone; the meaning of its UID is remembered elsewhere.
      if (!instance.gone) continue
      this.#instances.delete(uid)
      if (instance.mail !== undefined) this.#expunged.add(instance.mail)
    }
  }

  observeAbsence(): void {
    const forgotten = this.#lostDisk && this.promisedCount === 0
    promised(this.names.has(undefined) || forgotten, () => `mailbox ${this.nameNow} is lost with ${this.promisedCount} mails`)
    this.names = new Set([undefined])
    for (const instance of this.#instances.values()) instance.gone = true
    this.uncertain.clear()
    this.#lostDisk = this.#crashed = this.#lostIndex = this.#lostName = false
  }

  /** `openedMs`: since when a user may have been opened that is seen here; `moved`: where another machine had it before. Answers the mails that are to come yet: the listings did not know of them then. */
  observe(found: { name: string; uidValidity: number; uidNext: number; rows: Row[] }, now: number, openedMs: number, moved: boolean): number[] {
    const late: number[] = []
    const { name, rows, uidNext } = found
    promised(this.names.has(name) || this.#lostDisk, () => `mailbox ${this.nameNow} is now called ${name}`)
    const deleted = this.names.size === 1 && this.names.has(undefined)
    promised(!deleted || this.#lostDisk, () => `mailbox ${name} was deleted and is back`)
    if (deleted && this.#lostName) {
      this.#renew()
      for (const { mail } of this.#instances.values()) if (mail !== undefined) this.#expunged.add(mail)
      this.#instances.clear()
      this.#lostIndex = true
    }
    promised(found.uidValidity === this.uidValidity || this.#lostName, () => `${name}: UIDVALIDITY ${this.uidValidity} became ${found.uidValidity}`)
    if (found.uidValidity !== this.uidValidity) this.#renew()
    this.uidValidity = found.uidValidity
    promised(uidNext >= this.#uidNext || this.#lostIndex, () => `${name}: UIDNEXT sank from ${this.#uidNext} to ${uidNext}`)
    promised(ascending(rows.map(({ uid }) => uid)), () => `${name}: UIDs not ascending: ${rows.map(({ uid }) => uid).join()}`)
    promised((rows.at(-1)?.uid ?? 0) < uidNext, () => `${name}: UID ${rows.at(-1)?.uid} with UIDNEXT ${uidNext}`)
    this.names = new Set([name])
    this.deletedAt = undefined
    this.#uidNext = uidNext
    const seen = new Set(rows.map(({ uid }) => uid))
    for (const [uid, instance] of this.#instances) {
      const mayBeLate = (moved || this.#lostDisk) && instance.mail !== undefined && openedMs < instance.acknowledgedAt + this.#clock.lagMs
      promised(seen.has(uid) || !isPromised(instance) || mayBeLate, () => `${name}: acknowledged mail ${instance.mail} (UID ${uid}) is lost`)
      if (!mayBeLate || seen.has(uid)) continue
      // It may be there already, under another UID.
      this.maybe(instance.mail!)
      if (isPromised(instance)) late.push(instance.mail!)
    }
    // What a loss of the disk can bring up may be listed later than it.
    if ((this.#lostDisk || this.#crashed) && this.#clock.lagMs > 0) for (const mail of this.leftovers) this.maybe(mail)
    for (const row of rows) this.#observeRow(row, now)
    for (const [uid, instance] of this.#instances) {
      if (this.#lostDisk && (instance.gone || instance.doubts > 0)) instance.mayGo = true
      instance.gone = !seen.has(uid)
      instance.doubts = 0
    }
    this.#lostDisk = this.#lostFlags = this.#crashed = this.#lostIndex = this.#lostName = false
    return late
  }

  /** Its UIDs mean nothing any more. */
  #renew(): void {
    this.#uidNext = 1
    this.#lives++
  }

  #observeRow({ uid, mail, flags }: Row, now: number): void {
    let instance = this.#instances.get(uid)
    promised(instance?.gone !== true || this.#lostDisk, () => `${this.nameNow}: UID ${uid} (mail ${mail}) was expunged and is back`)
    if (instance?.mail === undefined) {
      const times = this.uncertain.get(mail) ?? 0
      promised(times > 0 || ((this.#lostDisk || this.#crashed) && this.leftovers.has(mail)) || (this.#lostIndex && this.#expunged.has(mail)), () => `${this.nameNow}: mail ${mail} appears at UID ${uid}, where nobody put it`)
      this.uncertain.set(mail, times - 1)
      instance = this.#instance(uid)
      instance.mail = mail
      instance.unsureSince = this.#clock.nowMs
      this.#see(uid, mail)
      for (const flag of flagNames) {
        const register = this.#register(uid, flag)
        // Nobody told its first flags, so a loss of the disk may bring back any.
        register.begin(true, now)
        register.observe(flags.has(flag), now)
      }
      return
    }
    this.#see(uid, mail)
    if (instance.unsureSince !== undefined && this.#clock.nowMs > instance.unsureSince + this.#clock.lateMs) instance.unsureSince = undefined
    for (const flag of flagNames) {
      const register = this.#register(uid, flag)
      promised(register.allows(flags.has(flag), this.#lostDisk || this.#lostFlags) || (this.#lostIndex && register.couldBe(flags.has(flag))), () => `${this.nameNow}: ${flag} of mail ${mail} (UID ${uid}) is ${flags.has(flag)}, which nobody set`)
      register.observe(flags.has(flag), now)
    }
  }

  #see(uid: number, mail: number): void {
    const life = this.#lives === 0 ? '' : ` (${this.#lives} times anew)`
    this.#means(this.guid + life, uid, mail)
    for (const name of this.names) if (name !== undefined) this.#means(name + life, uid, mail)
  }

  #instance(uid: number): Instance {
    let instance = this.#instances.get(uid)
    if (instance === undefined) {
      instance = { mail: undefined, acknowledgedAt: -Infinity, gone: false, doubts: 0, mayGo: false, unsureSince: undefined, flags: new Map() }
      this.#instances.set(uid, instance)
    }
    return instance
  }

  #register(uid: number, flag: string): Register {
    const { flags } = this.#instance(uid)
    let register = flags.get(flag)
    if (register === undefined) {
      register = new Register()
      flags.set(flag, register)
    }
    return register
  }
}

const isPromised = ({ mail, gone, doubts, mayGo, unsureSince }: Instance): boolean => mail !== undefined && !gone && !mayGo && unsureSince === undefined && doubts === 0
